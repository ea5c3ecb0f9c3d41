CREATE TABLE frameworks (
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    description text COLLATE "C" NOT NULL,
    source_kind text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX frameworks_key ON frameworks (organization_id, key);
CREATE INDEX frameworks_changed ON frameworks (organization_id, updated_at, id);
CREATE INDEX frameworks_source_kind ON frameworks (organization_id, source_kind, id);
CREATE INDEX frameworks_source_kind_changed ON frameworks (organization_id, source_kind, updated_at, id);
CREATE INDEX frameworks_status ON frameworks (organization_id, status, id);
CREATE INDEX frameworks_status_changed ON frameworks (organization_id, status, updated_at, id);
CREATE TABLE framework_versions (
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    framework_id text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    version_label text COLLATE "C" NOT NULL,
    source_kind text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    effective_at bigint,
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX framework_versions_key ON framework_versions (organization_id, framework_id, key);
CREATE INDEX framework_versions_changed ON framework_versions (organization_id, updated_at, id);
CREATE INDEX framework_versions_framework_id ON framework_versions (organization_id, framework_id, id);
CREATE INDEX framework_versions_framework_id_changed ON framework_versions (organization_id, framework_id, updated_at, id);
CREATE INDEX framework_versions_status ON framework_versions (organization_id, status, id);
CREATE INDEX framework_versions_status_changed ON framework_versions (organization_id, status, updated_at, id);
CREATE TABLE framework_nodes (
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    framework_version_id text COLLATE "C" NOT NULL,
    parent_node_id text COLLATE "C",
    node_kind text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    title text COLLATE "C" NOT NULL,
    text text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX framework_nodes_key ON framework_nodes (organization_id, framework_version_id, key);
CREATE INDEX framework_nodes_changed ON framework_nodes (organization_id, updated_at, id);
CREATE INDEX framework_nodes_framework_version_id ON framework_nodes (organization_id, framework_version_id, id, node_kind);
CREATE INDEX framework_nodes_framework_version_id_changed ON framework_nodes (organization_id, framework_version_id, updated_at, id, node_kind);
CREATE INDEX framework_nodes_parent_node_id ON framework_nodes (organization_id, parent_node_id, id, node_kind) WHERE parent_node_id IS NOT NULL;
CREATE INDEX framework_nodes_parent_node_id_changed ON framework_nodes (organization_id, parent_node_id, updated_at, id, node_kind) WHERE parent_node_id IS NOT NULL;
CREATE TABLE coverage_links (
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    framework_version_id text COLLATE "C" NOT NULL,
    node_id text COLLATE "C" NOT NULL,
    target_module_key text COLLATE "C" NOT NULL,
    target_resource_type text COLLATE "C" NOT NULL,
    target_resource_id text COLLATE "C" NOT NULL,
    coverage text COLLATE "C" NOT NULL,
    PRIMARY KEY (organization_id, id)
);
CREATE INDEX coverage_links_changed ON coverage_links (organization_id, updated_at, id);
CREATE INDEX coverage_links_framework_version_id ON coverage_links (organization_id, framework_version_id, id);
CREATE INDEX coverage_links_framework_version_id_changed ON coverage_links (organization_id, framework_version_id, updated_at, id);
CREATE INDEX coverage_links_node_id ON coverage_links (organization_id, node_id, id);
CREATE INDEX coverage_links_node_id_changed ON coverage_links (organization_id, node_id, updated_at, id);
CREATE INDEX coverage_links_target_resource_id ON coverage_links (organization_id, target_resource_id, id);
CREATE INDEX coverage_links_target_resource_id_changed ON coverage_links (organization_id, target_resource_id, updated_at, id);
CREATE TABLE risks (
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    title text COLLATE "C" NOT NULL,
    description text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    subject_module_key text COLLATE "C",
    subject_resource_type text COLLATE "C",
    subject_resource_id text COLLATE "C",
    subject_version_id text COLLATE "C",
    owner_responsibility_assignment_id text COLLATE "C",
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX risks_key ON risks (organization_id, key);
CREATE INDEX risks_changed ON risks (organization_id, updated_at, id);
CREATE INDEX risks_status ON risks (organization_id, status, id);
CREATE INDEX risks_status_changed ON risks (organization_id, status, updated_at, id);
CREATE TABLE assessments (
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    title text COLLATE "C" NOT NULL,
    description text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    subject_module_key text COLLATE "C",
    subject_resource_type text COLLATE "C",
    subject_resource_id text COLLATE "C",
    subject_version_id text COLLATE "C",
    assessor_responsibility_assignment_id text COLLATE "C",
    reviewer_responsibility_assignment_id text COLLATE "C",
    completed_at bigint,
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX assessments_key ON assessments (organization_id, key);
CREATE INDEX assessments_changed ON assessments (organization_id, updated_at, id);
CREATE INDEX assessments_status ON assessments (organization_id, status, id);
CREATE INDEX assessments_status_changed ON assessments (organization_id, status, updated_at, id);
CREATE TABLE exceptions (
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    title text COLLATE "C" NOT NULL,
    exception_kind text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    subject_module_key text COLLATE "C",
    subject_resource_type text COLLATE "C",
    subject_resource_id text COLLATE "C",
    subject_version_id text COLLATE "C",
    approver_responsibility_assignment_id text COLLATE "C",
    valid_from bigint NOT NULL,
    valid_until bigint NOT NULL,
    review_due_at bigint,
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX exceptions_key ON exceptions (organization_id, key);
CREATE INDEX exceptions_changed ON exceptions (organization_id, updated_at, id);
CREATE INDEX exceptions_exception_kind ON exceptions (organization_id, exception_kind, id);
CREATE INDEX exceptions_exception_kind_changed ON exceptions (organization_id, exception_kind, updated_at, id);
CREATE INDEX exceptions_status ON exceptions (organization_id, status, id);
CREATE INDEX exceptions_status_changed ON exceptions (organization_id, status, updated_at, id);
CREATE TABLE monitor_definitions (
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    title text COLLATE "C" NOT NULL,
    description text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    subject_module_key text COLLATE "C",
    subject_resource_type text COLLATE "C",
    subject_resource_id text COLLATE "C",
    owner_responsibility_assignment_id text COLLATE "C",
    last_run_at bigint,
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX monitor_definitions_key ON monitor_definitions (organization_id, key);
CREATE INDEX monitor_definitions_changed ON monitor_definitions (organization_id, updated_at, id);
CREATE INDEX monitor_definitions_status ON monitor_definitions (organization_id, status, id);
CREATE INDEX monitor_definitions_status_changed ON monitor_definitions (organization_id, status, updated_at, id);
CREATE TABLE monitor_runs (
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    monitor_definition_id text COLLATE "C" NOT NULL,
    trigger_kind text COLLATE "C" NOT NULL,
    aggregate_result text COLLATE "C" NOT NULL,
    pass_count bigint NOT NULL,
    fail_count bigint NOT NULL,
    warning_count bigint NOT NULL,
    unknown_count bigint NOT NULL,
    started_at bigint NOT NULL,
    finished_at bigint,
    PRIMARY KEY (organization_id, id)
);
CREATE INDEX monitor_runs_changed ON monitor_runs (organization_id, updated_at, id);
CREATE INDEX monitor_runs_monitor_definition_id ON monitor_runs (organization_id, monitor_definition_id, id);
CREATE INDEX monitor_runs_monitor_definition_id_changed ON monitor_runs (organization_id, monitor_definition_id, updated_at, id);
CREATE INDEX monitor_runs_aggregate_result ON monitor_runs (organization_id, aggregate_result, id);
CREATE INDEX monitor_runs_aggregate_result_changed ON monitor_runs (organization_id, aggregate_result, updated_at, id);
CREATE TABLE monitor_run_items (
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    monitor_run_id text COLLATE "C" NOT NULL,
    result text COLLATE "C" NOT NULL,
    subject_module_key text COLLATE "C",
    subject_resource_type text COLLATE "C",
    subject_resource_id text COLLATE "C",
    message text COLLATE "C",
    observed_at bigint NOT NULL,
    PRIMARY KEY (organization_id, id)
);
CREATE INDEX monitor_run_items_changed ON monitor_run_items (organization_id, updated_at, id);
CREATE INDEX monitor_run_items_monitor_run_id ON monitor_run_items (organization_id, monitor_run_id, id, result);
CREATE INDEX monitor_run_items_monitor_run_id_changed ON monitor_run_items (organization_id, monitor_run_id, updated_at, id, result);
CREATE TABLE indicators (
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    title text COLLATE "C" NOT NULL,
    indicator_kind text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    subject_module_key text COLLATE "C",
    subject_resource_type text COLLATE "C",
    subject_resource_id text COLLATE "C",
    owner_responsibility_assignment_id text COLLATE "C",
    target_value text COLLATE "C",
    threshold_value text COLLATE "C",
    unit text COLLATE "C",
    latest_measurement_value text COLLATE "C",
    latest_measurement_at bigint,
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX indicators_key ON indicators (organization_id, key);
CREATE INDEX indicators_changed ON indicators (organization_id, updated_at, id);
CREATE INDEX indicators_indicator_kind ON indicators (organization_id, indicator_kind, id);
CREATE INDEX indicators_indicator_kind_changed ON indicators (organization_id, indicator_kind, updated_at, id);
CREATE INDEX indicators_status ON indicators (organization_id, status, id);
CREATE INDEX indicators_status_changed ON indicators (organization_id, status, updated_at, id);
CREATE TABLE measurements (
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    indicator_definition_id text COLLATE "C" NOT NULL,
    measured_value text COLLATE "C" NOT NULL,
    measured_at bigint NOT NULL,
    source_reference text COLLATE "C",
    PRIMARY KEY (organization_id, id)
);
CREATE INDEX measurements_changed ON measurements (organization_id, updated_at, id);
CREATE INDEX measurements_indicator_definition_id ON measurements (organization_id, indicator_definition_id, id, measured_at);
CREATE INDEX measurements_indicator_definition_id_changed ON measurements (organization_id, indicator_definition_id, updated_at, id, measured_at);
CREATE TABLE assets (
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    asset_kind text COLLATE "C" NOT NULL,
    display_name text COLLATE "C" NOT NULL,
    description text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    source_kind text COLLATE "C" NOT NULL,
    custodian_responsibility_id text COLLATE "C",
    commissioned_at bigint,
    decommissioned_at bigint,
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX assets_key ON assets (organization_id, key);
CREATE INDEX assets_changed ON assets (organization_id, updated_at, id);
CREATE INDEX assets_asset_kind ON assets (organization_id, asset_kind, id);
CREATE INDEX assets_asset_kind_changed ON assets (organization_id, asset_kind, updated_at, id);
CREATE INDEX assets_status ON assets (organization_id, status, id);
CREATE INDEX assets_status_changed ON assets (organization_id, status, updated_at, id);
CREATE TABLE custody_assignments (
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    asset_id text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    assignment_kind text COLLATE "C" NOT NULL,
    subject_module_key text COLLATE "C",
    subject_resource_type text COLLATE "C",
    subject_resource_id text COLLATE "C",
    status text COLLATE "C" NOT NULL,
    started_at bigint NOT NULL,
    ended_at bigint,
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX custody_assignments_key ON custody_assignments (organization_id, key);
CREATE INDEX custody_assignments_changed ON custody_assignments (organization_id, updated_at, id);
CREATE INDEX custody_assignments_asset_id ON custody_assignments (organization_id, asset_id, id);
CREATE INDEX custody_assignments_asset_id_changed ON custody_assignments (organization_id, asset_id, updated_at, id);
CREATE INDEX custody_assignments_status ON custody_assignments (organization_id, status, id);
CREATE INDEX custody_assignments_status_changed ON custody_assignments (organization_id, status, updated_at, id);
CREATE TABLE engagements (
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    engagement_kind text COLLATE "C" NOT NULL,
    title text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    provider_party_id text COLLATE "C" NOT NULL,
    owner_responsibility_id text COLLATE "C",
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX engagements_key ON engagements (organization_id, key);
CREATE INDEX engagements_changed ON engagements (organization_id, updated_at, id);
CREATE INDEX engagements_engagement_kind ON engagements (organization_id, engagement_kind, id);
CREATE INDEX engagements_engagement_kind_changed ON engagements (organization_id, engagement_kind, updated_at, id);
CREATE INDEX engagements_status ON engagements (organization_id, status, id);
CREATE INDEX engagements_status_changed ON engagements (organization_id, status, updated_at, id);
CREATE TABLE due_diligence_reviews (
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    engagement_id text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    review_kind text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    performed_at bigint,
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX due_diligence_reviews_key ON due_diligence_reviews (organization_id, key);
CREATE INDEX due_diligence_reviews_changed ON due_diligence_reviews (organization_id, updated_at, id);
CREATE INDEX due_diligence_reviews_engagement_id ON due_diligence_reviews (organization_id, engagement_id, id);
CREATE INDEX due_diligence_reviews_engagement_id_changed ON due_diligence_reviews (organization_id, engagement_id, updated_at, id);
CREATE TABLE change_requests (
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    change_kind text COLLATE "C" NOT NULL,
    title text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    subject_module_key text COLLATE "C",
    subject_resource_type text COLLATE "C",
    subject_resource_id text COLLATE "C",
    owner_responsibility_id text COLLATE "C",
    scheduled_at bigint,
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX change_requests_key ON change_requests (organization_id, key);
CREATE INDEX change_requests_changed ON change_requests (organization_id, updated_at, id);
CREATE INDEX change_requests_change_kind ON change_requests (organization_id, change_kind, id);
CREATE INDEX change_requests_change_kind_changed ON change_requests (organization_id, change_kind, updated_at, id);
CREATE INDEX change_requests_status ON change_requests (organization_id, status, id);
CREATE INDEX change_requests_status_changed ON change_requests (organization_id, status, updated_at, id);
CREATE TABLE configuration_baselines (
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    title text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    subject_module_key text COLLATE "C",
    subject_resource_type text COLLATE "C",
    subject_resource_id text COLLATE "C",
    captured_at bigint NOT NULL,
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX configuration_baselines_key ON configuration_baselines (organization_id, key);
CREATE INDEX configuration_baselines_changed ON configuration_baselines (organization_id, updated_at, id);
CREATE INDEX configuration_baselines_status ON configuration_baselines (organization_id, status, id);
CREATE INDEX configuration_baselines_status_changed ON configuration_baselines (organization_id, status, updated_at, id);
CREATE TABLE releases (
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    title text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    subject_module_key text COLLATE "C",
    subject_resource_type text COLLATE "C",
    subject_resource_id text COLLATE "C",
    released_at bigint,
    change_request_ids text COLLATE "C" NOT NULL,
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX releases_key ON releases (organization_id, key);
CREATE INDEX releases_changed ON releases (organization_id, updated_at, id);
CREATE INDEX releases_status ON releases (organization_id, status, id);
CREATE INDEX releases_status_changed ON releases (organization_id, status, updated_at, id);
CREATE TABLE system_acceptances (
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    title text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    subject_module_key text COLLATE "C",
    subject_resource_type text COLLATE "C",
    subject_resource_id text COLLATE "C",
    decided_at bigint,
    release_id text COLLATE "C",
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX system_acceptances_key ON system_acceptances (organization_id, key);
CREATE INDEX system_acceptances_changed ON system_acceptances (organization_id, updated_at, id);
CREATE INDEX system_acceptances_status ON system_acceptances (organization_id, status, id);
CREATE INDEX system_acceptances_status_changed ON system_acceptances (organization_id, status, updated_at, id);
CREATE TABLE vulnerabilities (
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    vulnerability_kind text COLLATE "C" NOT NULL,
    title text COLLATE "C" NOT NULL,
    severity text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    subject_module_key text COLLATE "C",
    subject_resource_type text COLLATE "C",
    subject_resource_id text COLLATE "C",
    owner_responsibility_id text COLLATE "C",
    cvss_vector text COLLATE "C",
    cvss_score text COLLATE "C",
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX vulnerabilities_key ON vulnerabilities (organization_id, key);
CREATE INDEX vulnerabilities_changed ON vulnerabilities (organization_id, updated_at, id);
CREATE INDEX vulnerabilities_vulnerability_kind ON vulnerabilities (organization_id, vulnerability_kind, id);
CREATE INDEX vulnerabilities_vulnerability_kind_changed ON vulnerabilities (organization_id, vulnerability_kind, updated_at, id);
CREATE INDEX vulnerabilities_severity ON vulnerabilities (organization_id, severity, id);
CREATE INDEX vulnerabilities_severity_changed ON vulnerabilities (organization_id, severity, updated_at, id);
CREATE INDEX vulnerabilities_status ON vulnerabilities (organization_id, status, id);
CREATE INDEX vulnerabilities_status_changed ON vulnerabilities (organization_id, status, updated_at, id);
CREATE TABLE vulnerability_assessments (
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    vulnerability_id text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    assessed_at bigint NOT NULL,
    conclusion text COLLATE "C" NOT NULL,
    severity text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX vulnerability_assessments_key ON vulnerability_assessments (organization_id, key);
CREATE INDEX vulnerability_assessments_changed ON vulnerability_assessments (organization_id, updated_at, id);
CREATE INDEX vulnerability_assessments_vulnerability_id ON vulnerability_assessments (organization_id, vulnerability_id, id);
CREATE INDEX vulnerability_assessments_vulnerability_id_changed ON vulnerability_assessments (organization_id, vulnerability_id, updated_at, id);
CREATE INDEX vulnerability_assessments_status ON vulnerability_assessments (organization_id, status, id);
CREATE INDEX vulnerability_assessments_status_changed ON vulnerability_assessments (organization_id, status, updated_at, id);
CREATE TABLE patch_requirements (
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    vulnerability_id text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    urgency text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    due_at bigint,
    owner_responsibility_id text COLLATE "C",
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX patch_requirements_key ON patch_requirements (organization_id, key);
CREATE INDEX patch_requirements_changed ON patch_requirements (organization_id, updated_at, id);
CREATE INDEX patch_requirements_vulnerability_id ON patch_requirements (organization_id, vulnerability_id, id);
CREATE INDEX patch_requirements_vulnerability_id_changed ON patch_requirements (organization_id, vulnerability_id, updated_at, id);
CREATE INDEX patch_requirements_status ON patch_requirements (organization_id, status, id);
CREATE INDEX patch_requirements_status_changed ON patch_requirements (organization_id, status, updated_at, id);
