CREATE TABLE frameworks (
    organization_id text NOT NULL,
    id text NOT NULL,
    revision integer NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    key text NOT NULL,
    name text NOT NULL,
    description text NOT NULL,
    source_kind text NOT NULL,
    status text NOT NULL,
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE UNIQUE INDEX frameworks_key ON frameworks (organization_id, key);
CREATE INDEX frameworks_changed ON frameworks (organization_id, updated_at, id);
CREATE INDEX frameworks_source_kind ON frameworks (organization_id, source_kind, id);
CREATE INDEX frameworks_source_kind_changed ON frameworks (organization_id, source_kind, updated_at, id);
CREATE INDEX frameworks_status ON frameworks (organization_id, status, id);
CREATE INDEX frameworks_status_changed ON frameworks (organization_id, status, updated_at, id);
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('frameworks', 'sqlite_autoindex_frameworks_1', '10000 1000 1'),
    ('frameworks', 'frameworks_key', '10000 1000 1'),
    ('frameworks', 'frameworks_changed', '10000 1000 2 1'),
    ('frameworks', 'frameworks_source_kind', '10000 1000 300 1'),
    ('frameworks', 'frameworks_source_kind_changed', '10000 1000 300 2 1'),
    ('frameworks', 'frameworks_status', '10000 1000 300 1'),
    ('frameworks', 'frameworks_status_changed', '10000 1000 300 2 1');
CREATE TABLE framework_versions (
    organization_id text NOT NULL,
    id text NOT NULL,
    revision integer NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    framework_id text NOT NULL,
    key text NOT NULL,
    version_label text NOT NULL,
    source_kind text NOT NULL,
    status text NOT NULL,
    effective_at integer,
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE UNIQUE INDEX framework_versions_key ON framework_versions (organization_id, framework_id, key);
CREATE INDEX framework_versions_changed ON framework_versions (organization_id, updated_at, id);
CREATE INDEX framework_versions_framework_id ON framework_versions (organization_id, framework_id, id);
CREATE INDEX framework_versions_framework_id_changed ON framework_versions (organization_id, framework_id, updated_at, id);
CREATE INDEX framework_versions_status ON framework_versions (organization_id, status, id);
CREATE INDEX framework_versions_status_changed ON framework_versions (organization_id, status, updated_at, id);
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('framework_versions', 'sqlite_autoindex_framework_versions_1', '10000 1000 1'),
    ('framework_versions', 'framework_versions_key', '10000 1000 5 1'),
    ('framework_versions', 'framework_versions_changed', '10000 1000 2 1'),
    ('framework_versions', 'framework_versions_framework_id', '10000 1000 5 1'),
    ('framework_versions', 'framework_versions_framework_id_changed', '10000 1000 5 2 1'),
    ('framework_versions', 'framework_versions_status', '10000 1000 300 1'),
    ('framework_versions', 'framework_versions_status_changed', '10000 1000 300 2 1');
CREATE TABLE framework_nodes (
    organization_id text NOT NULL,
    id text NOT NULL,
    revision integer NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    framework_version_id text NOT NULL,
    parent_node_id text,
    node_kind text NOT NULL,
    key text NOT NULL,
    title text NOT NULL,
    text text NOT NULL,
    position integer NOT NULL,
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE UNIQUE INDEX framework_nodes_key ON framework_nodes (organization_id, framework_version_id, key);
CREATE INDEX framework_nodes_changed ON framework_nodes (organization_id, updated_at, id);
CREATE INDEX framework_nodes_framework_version_id ON framework_nodes (organization_id, framework_version_id, id, node_kind);
CREATE INDEX framework_nodes_framework_version_id_changed ON framework_nodes (organization_id, framework_version_id, updated_at, id, node_kind);
CREATE INDEX framework_nodes_parent_node_id ON framework_nodes (organization_id, parent_node_id, id, node_kind) WHERE parent_node_id IS NOT NULL;
CREATE INDEX framework_nodes_parent_node_id_changed ON framework_nodes (organization_id, parent_node_id, updated_at, id, node_kind) WHERE parent_node_id IS NOT NULL;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('framework_nodes', 'sqlite_autoindex_framework_nodes_1', '10000 1000 1'),
    ('framework_nodes', 'framework_nodes_key', '10000 1000 5 1'),
    ('framework_nodes', 'framework_nodes_changed', '10000 1000 2 1'),
    ('framework_nodes', 'framework_nodes_framework_version_id', '10000 1000 300 1 1'),
    ('framework_nodes', 'framework_nodes_framework_version_id_changed', '10000 1000 300 2 1 1'),
    ('framework_nodes', 'framework_nodes_parent_node_id', '10000 1000 5 1 1'),
    ('framework_nodes', 'framework_nodes_parent_node_id_changed', '10000 1000 5 2 1 1');
CREATE TABLE coverage_links (
    organization_id text NOT NULL,
    id text NOT NULL,
    revision integer NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    framework_version_id text NOT NULL,
    node_id text NOT NULL,
    target_module_key text NOT NULL,
    target_resource_type text NOT NULL,
    target_resource_id text NOT NULL,
    coverage text NOT NULL,
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE INDEX coverage_links_changed ON coverage_links (organization_id, updated_at, id);
CREATE INDEX coverage_links_framework_version_id ON coverage_links (organization_id, framework_version_id, id);
CREATE INDEX coverage_links_framework_version_id_changed ON coverage_links (organization_id, framework_version_id, updated_at, id);
CREATE INDEX coverage_links_node_id ON coverage_links (organization_id, node_id, id);
CREATE INDEX coverage_links_node_id_changed ON coverage_links (organization_id, node_id, updated_at, id);
CREATE INDEX coverage_links_target_resource_id ON coverage_links (organization_id, target_resource_id, id);
CREATE INDEX coverage_links_target_resource_id_changed ON coverage_links (organization_id, target_resource_id, updated_at, id);
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('coverage_links', 'sqlite_autoindex_coverage_links_1', '10000 1000 1'),
    ('coverage_links', 'coverage_links_changed', '10000 1000 2 1'),
    ('coverage_links', 'coverage_links_framework_version_id', '10000 1000 300 1'),
    ('coverage_links', 'coverage_links_framework_version_id_changed', '10000 1000 300 2 1'),
    ('coverage_links', 'coverage_links_node_id', '10000 1000 5 1'),
    ('coverage_links', 'coverage_links_node_id_changed', '10000 1000 5 2 1'),
    ('coverage_links', 'coverage_links_target_resource_id', '10000 1000 5 1'),
    ('coverage_links', 'coverage_links_target_resource_id_changed', '10000 1000 5 2 1');
CREATE TABLE risks (
    organization_id text NOT NULL,
    id text NOT NULL,
    revision integer NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    key text NOT NULL,
    title text NOT NULL,
    description text NOT NULL,
    status text NOT NULL,
    subject_module_key text,
    subject_resource_type text,
    subject_resource_id text,
    subject_version_id text,
    owner_responsibility_assignment_id text,
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE UNIQUE INDEX risks_key ON risks (organization_id, key);
CREATE INDEX risks_changed ON risks (organization_id, updated_at, id);
CREATE INDEX risks_status ON risks (organization_id, status, id);
CREATE INDEX risks_status_changed ON risks (organization_id, status, updated_at, id);
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('risks', 'sqlite_autoindex_risks_1', '10000 1000 1'),
    ('risks', 'risks_key', '10000 1000 1'),
    ('risks', 'risks_changed', '10000 1000 2 1'),
    ('risks', 'risks_status', '10000 1000 300 1'),
    ('risks', 'risks_status_changed', '10000 1000 300 2 1');
CREATE TABLE assessments (
    organization_id text NOT NULL,
    id text NOT NULL,
    revision integer NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    key text NOT NULL,
    title text NOT NULL,
    description text NOT NULL,
    status text NOT NULL,
    subject_module_key text,
    subject_resource_type text,
    subject_resource_id text,
    subject_version_id text,
    assessor_responsibility_assignment_id text,
    reviewer_responsibility_assignment_id text,
    completed_at integer,
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE UNIQUE INDEX assessments_key ON assessments (organization_id, key);
CREATE INDEX assessments_changed ON assessments (organization_id, updated_at, id);
CREATE INDEX assessments_status ON assessments (organization_id, status, id);
CREATE INDEX assessments_status_changed ON assessments (organization_id, status, updated_at, id);
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('assessments', 'sqlite_autoindex_assessments_1', '10000 1000 1'),
    ('assessments', 'assessments_key', '10000 1000 1'),
    ('assessments', 'assessments_changed', '10000 1000 2 1'),
    ('assessments', 'assessments_status', '10000 1000 300 1'),
    ('assessments', 'assessments_status_changed', '10000 1000 300 2 1');
CREATE TABLE exceptions (
    organization_id text NOT NULL,
    id text NOT NULL,
    revision integer NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    key text NOT NULL,
    title text NOT NULL,
    exception_kind text NOT NULL,
    status text NOT NULL,
    subject_module_key text,
    subject_resource_type text,
    subject_resource_id text,
    subject_version_id text,
    approver_responsibility_assignment_id text,
    valid_from integer NOT NULL,
    valid_until integer NOT NULL,
    review_due_at integer,
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE UNIQUE INDEX exceptions_key ON exceptions (organization_id, key);
CREATE INDEX exceptions_changed ON exceptions (organization_id, updated_at, id);
CREATE INDEX exceptions_exception_kind ON exceptions (organization_id, exception_kind, id);
CREATE INDEX exceptions_exception_kind_changed ON exceptions (organization_id, exception_kind, updated_at, id);
CREATE INDEX exceptions_status ON exceptions (organization_id, status, id);
CREATE INDEX exceptions_status_changed ON exceptions (organization_id, status, updated_at, id);
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('exceptions', 'sqlite_autoindex_exceptions_1', '10000 1000 1'),
    ('exceptions', 'exceptions_key', '10000 1000 1'),
    ('exceptions', 'exceptions_changed', '10000 1000 2 1'),
    ('exceptions', 'exceptions_exception_kind', '10000 1000 300 1'),
    ('exceptions', 'exceptions_exception_kind_changed', '10000 1000 300 2 1'),
    ('exceptions', 'exceptions_status', '10000 1000 300 1'),
    ('exceptions', 'exceptions_status_changed', '10000 1000 300 2 1');
CREATE TABLE monitor_definitions (
    organization_id text NOT NULL,
    id text NOT NULL,
    revision integer NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    key text NOT NULL,
    title text NOT NULL,
    description text NOT NULL,
    status text NOT NULL,
    subject_module_key text,
    subject_resource_type text,
    subject_resource_id text,
    owner_responsibility_assignment_id text,
    last_run_at integer,
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE UNIQUE INDEX monitor_definitions_key ON monitor_definitions (organization_id, key);
CREATE INDEX monitor_definitions_changed ON monitor_definitions (organization_id, updated_at, id);
CREATE INDEX monitor_definitions_status ON monitor_definitions (organization_id, status, id);
CREATE INDEX monitor_definitions_status_changed ON monitor_definitions (organization_id, status, updated_at, id);
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('monitor_definitions', 'sqlite_autoindex_monitor_definitions_1', '10000 1000 1'),
    ('monitor_definitions', 'monitor_definitions_key', '10000 1000 1'),
    ('monitor_definitions', 'monitor_definitions_changed', '10000 1000 2 1'),
    ('monitor_definitions', 'monitor_definitions_status', '10000 1000 300 1'),
    ('monitor_definitions', 'monitor_definitions_status_changed', '10000 1000 300 2 1');
CREATE TABLE monitor_runs (
    organization_id text NOT NULL,
    id text NOT NULL,
    revision integer NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    monitor_definition_id text NOT NULL,
    trigger_kind text NOT NULL,
    aggregate_result text NOT NULL,
    pass_count integer NOT NULL,
    fail_count integer NOT NULL,
    warning_count integer NOT NULL,
    unknown_count integer NOT NULL,
    started_at integer NOT NULL,
    finished_at integer,
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE INDEX monitor_runs_changed ON monitor_runs (organization_id, updated_at, id);
CREATE INDEX monitor_runs_monitor_definition_id ON monitor_runs (organization_id, monitor_definition_id, id);
CREATE INDEX monitor_runs_monitor_definition_id_changed ON monitor_runs (organization_id, monitor_definition_id, updated_at, id);
CREATE INDEX monitor_runs_aggregate_result ON monitor_runs (organization_id, aggregate_result, id);
CREATE INDEX monitor_runs_aggregate_result_changed ON monitor_runs (organization_id, aggregate_result, updated_at, id);
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('monitor_runs', 'sqlite_autoindex_monitor_runs_1', '10000 1000 1'),
    ('monitor_runs', 'monitor_runs_changed', '10000 1000 2 1'),
    ('monitor_runs', 'monitor_runs_monitor_definition_id', '10000 1000 5 1'),
    ('monitor_runs', 'monitor_runs_monitor_definition_id_changed', '10000 1000 5 2 1'),
    ('monitor_runs', 'monitor_runs_aggregate_result', '10000 1000 300 1'),
    ('monitor_runs', 'monitor_runs_aggregate_result_changed', '10000 1000 300 2 1');
CREATE TABLE monitor_run_items (
    organization_id text NOT NULL,
    id text NOT NULL,
    revision integer NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    monitor_run_id text NOT NULL,
    result text NOT NULL,
    subject_module_key text,
    subject_resource_type text,
    subject_resource_id text,
    message text,
    observed_at integer NOT NULL,
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE INDEX monitor_run_items_changed ON monitor_run_items (organization_id, updated_at, id);
CREATE INDEX monitor_run_items_monitor_run_id ON monitor_run_items (organization_id, monitor_run_id, id, result);
CREATE INDEX monitor_run_items_monitor_run_id_changed ON monitor_run_items (organization_id, monitor_run_id, updated_at, id, result);
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('monitor_run_items', 'sqlite_autoindex_monitor_run_items_1', '10000 1000 1'),
    ('monitor_run_items', 'monitor_run_items_changed', '10000 1000 2 1'),
    ('monitor_run_items', 'monitor_run_items_monitor_run_id', '10000 1000 300 1 1'),
    ('monitor_run_items', 'monitor_run_items_monitor_run_id_changed', '10000 1000 300 2 1 1');
CREATE TABLE indicators (
    organization_id text NOT NULL,
    id text NOT NULL,
    revision integer NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    key text NOT NULL,
    title text NOT NULL,
    indicator_kind text NOT NULL,
    status text NOT NULL,
    subject_module_key text,
    subject_resource_type text,
    subject_resource_id text,
    owner_responsibility_assignment_id text,
    target_value text,
    threshold_value text,
    unit text,
    latest_measurement_value text,
    latest_measurement_at integer,
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE UNIQUE INDEX indicators_key ON indicators (organization_id, key);
CREATE INDEX indicators_changed ON indicators (organization_id, updated_at, id);
CREATE INDEX indicators_indicator_kind ON indicators (organization_id, indicator_kind, id);
CREATE INDEX indicators_indicator_kind_changed ON indicators (organization_id, indicator_kind, updated_at, id);
CREATE INDEX indicators_status ON indicators (organization_id, status, id);
CREATE INDEX indicators_status_changed ON indicators (organization_id, status, updated_at, id);
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('indicators', 'sqlite_autoindex_indicators_1', '10000 1000 1'),
    ('indicators', 'indicators_key', '10000 1000 1'),
    ('indicators', 'indicators_changed', '10000 1000 2 1'),
    ('indicators', 'indicators_indicator_kind', '10000 1000 300 1'),
    ('indicators', 'indicators_indicator_kind_changed', '10000 1000 300 2 1'),
    ('indicators', 'indicators_status', '10000 1000 300 1'),
    ('indicators', 'indicators_status_changed', '10000 1000 300 2 1');
CREATE TABLE measurements (
    organization_id text NOT NULL,
    id text NOT NULL,
    revision integer NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    indicator_definition_id text NOT NULL,
    measured_value text NOT NULL,
    measured_at integer NOT NULL,
    source_reference text,
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE INDEX measurements_changed ON measurements (organization_id, updated_at, id);
CREATE INDEX measurements_indicator_definition_id ON measurements (organization_id, indicator_definition_id, id, measured_at);
CREATE INDEX measurements_indicator_definition_id_changed ON measurements (organization_id, indicator_definition_id, updated_at, id, measured_at);
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('measurements', 'sqlite_autoindex_measurements_1', '10000 1000 1'),
    ('measurements', 'measurements_changed', '10000 1000 2 1'),
    ('measurements', 'measurements_indicator_definition_id', '10000 1000 5 1 1'),
    ('measurements', 'measurements_indicator_definition_id_changed', '10000 1000 5 2 1 1');
CREATE TABLE assets (
    organization_id text NOT NULL,
    id text NOT NULL,
    revision integer NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    key text NOT NULL,
    asset_kind text NOT NULL,
    display_name text NOT NULL,
    description text NOT NULL,
    status text NOT NULL,
    source_kind text NOT NULL,
    custodian_responsibility_id text,
    commissioned_at integer,
    decommissioned_at integer,
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE UNIQUE INDEX assets_key ON assets (organization_id, key);
CREATE INDEX assets_changed ON assets (organization_id, updated_at, id);
CREATE INDEX assets_asset_kind ON assets (organization_id, asset_kind, id);
CREATE INDEX assets_asset_kind_changed ON assets (organization_id, asset_kind, updated_at, id);
CREATE INDEX assets_status ON assets (organization_id, status, id);
CREATE INDEX assets_status_changed ON assets (organization_id, status, updated_at, id);
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('assets', 'sqlite_autoindex_assets_1', '10000 1000 1'),
    ('assets', 'assets_key', '10000 1000 1'),
    ('assets', 'assets_changed', '10000 1000 2 1'),
    ('assets', 'assets_asset_kind', '10000 1000 300 1'),
    ('assets', 'assets_asset_kind_changed', '10000 1000 300 2 1'),
    ('assets', 'assets_status', '10000 1000 300 1'),
    ('assets', 'assets_status_changed', '10000 1000 300 2 1');
CREATE TABLE custody_assignments (
    organization_id text NOT NULL,
    id text NOT NULL,
    revision integer NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    asset_id text NOT NULL,
    key text NOT NULL,
    assignment_kind text NOT NULL,
    subject_module_key text,
    subject_resource_type text,
    subject_resource_id text,
    status text NOT NULL,
    started_at integer NOT NULL,
    ended_at integer,
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE UNIQUE INDEX custody_assignments_key ON custody_assignments (organization_id, key);
CREATE INDEX custody_assignments_changed ON custody_assignments (organization_id, updated_at, id);
CREATE INDEX custody_assignments_asset_id ON custody_assignments (organization_id, asset_id, id);
CREATE INDEX custody_assignments_asset_id_changed ON custody_assignments (organization_id, asset_id, updated_at, id);
CREATE INDEX custody_assignments_status ON custody_assignments (organization_id, status, id);
CREATE INDEX custody_assignments_status_changed ON custody_assignments (organization_id, status, updated_at, id);
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('custody_assignments', 'sqlite_autoindex_custody_assignments_1', '10000 1000 1'),
    ('custody_assignments', 'custody_assignments_key', '10000 1000 1'),
    ('custody_assignments', 'custody_assignments_changed', '10000 1000 2 1'),
    ('custody_assignments', 'custody_assignments_asset_id', '10000 1000 5 1'),
    ('custody_assignments', 'custody_assignments_asset_id_changed', '10000 1000 5 2 1'),
    ('custody_assignments', 'custody_assignments_status', '10000 1000 300 1'),
    ('custody_assignments', 'custody_assignments_status_changed', '10000 1000 300 2 1');
CREATE TABLE engagements (
    organization_id text NOT NULL,
    id text NOT NULL,
    revision integer NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    key text NOT NULL,
    engagement_kind text NOT NULL,
    title text NOT NULL,
    status text NOT NULL,
    provider_party_id text NOT NULL,
    owner_responsibility_id text,
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE UNIQUE INDEX engagements_key ON engagements (organization_id, key);
CREATE INDEX engagements_changed ON engagements (organization_id, updated_at, id);
CREATE INDEX engagements_engagement_kind ON engagements (organization_id, engagement_kind, id);
CREATE INDEX engagements_engagement_kind_changed ON engagements (organization_id, engagement_kind, updated_at, id);
CREATE INDEX engagements_status ON engagements (organization_id, status, id);
CREATE INDEX engagements_status_changed ON engagements (organization_id, status, updated_at, id);
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('engagements', 'sqlite_autoindex_engagements_1', '10000 1000 1'),
    ('engagements', 'engagements_key', '10000 1000 1'),
    ('engagements', 'engagements_changed', '10000 1000 2 1'),
    ('engagements', 'engagements_engagement_kind', '10000 1000 300 1'),
    ('engagements', 'engagements_engagement_kind_changed', '10000 1000 300 2 1'),
    ('engagements', 'engagements_status', '10000 1000 300 1'),
    ('engagements', 'engagements_status_changed', '10000 1000 300 2 1');
CREATE TABLE due_diligence_reviews (
    organization_id text NOT NULL,
    id text NOT NULL,
    revision integer NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    engagement_id text NOT NULL,
    key text NOT NULL,
    review_kind text NOT NULL,
    status text NOT NULL,
    performed_at integer,
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE UNIQUE INDEX due_diligence_reviews_key ON due_diligence_reviews (organization_id, key);
CREATE INDEX due_diligence_reviews_changed ON due_diligence_reviews (organization_id, updated_at, id);
CREATE INDEX due_diligence_reviews_engagement_id ON due_diligence_reviews (organization_id, engagement_id, id);
CREATE INDEX due_diligence_reviews_engagement_id_changed ON due_diligence_reviews (organization_id, engagement_id, updated_at, id);
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('due_diligence_reviews', 'sqlite_autoindex_due_diligence_reviews_1', '10000 1000 1'),
    ('due_diligence_reviews', 'due_diligence_reviews_key', '10000 1000 1'),
    ('due_diligence_reviews', 'due_diligence_reviews_changed', '10000 1000 2 1'),
    ('due_diligence_reviews', 'due_diligence_reviews_engagement_id', '10000 1000 5 1'),
    ('due_diligence_reviews', 'due_diligence_reviews_engagement_id_changed', '10000 1000 5 2 1');
CREATE TABLE change_requests (
    organization_id text NOT NULL,
    id text NOT NULL,
    revision integer NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    key text NOT NULL,
    change_kind text NOT NULL,
    title text NOT NULL,
    status text NOT NULL,
    subject_module_key text,
    subject_resource_type text,
    subject_resource_id text,
    owner_responsibility_id text,
    scheduled_at integer,
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE UNIQUE INDEX change_requests_key ON change_requests (organization_id, key);
CREATE INDEX change_requests_changed ON change_requests (organization_id, updated_at, id);
CREATE INDEX change_requests_change_kind ON change_requests (organization_id, change_kind, id);
CREATE INDEX change_requests_change_kind_changed ON change_requests (organization_id, change_kind, updated_at, id);
CREATE INDEX change_requests_status ON change_requests (organization_id, status, id);
CREATE INDEX change_requests_status_changed ON change_requests (organization_id, status, updated_at, id);
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('change_requests', 'sqlite_autoindex_change_requests_1', '10000 1000 1'),
    ('change_requests', 'change_requests_key', '10000 1000 1'),
    ('change_requests', 'change_requests_changed', '10000 1000 2 1'),
    ('change_requests', 'change_requests_change_kind', '10000 1000 300 1'),
    ('change_requests', 'change_requests_change_kind_changed', '10000 1000 300 2 1'),
    ('change_requests', 'change_requests_status', '10000 1000 300 1'),
    ('change_requests', 'change_requests_status_changed', '10000 1000 300 2 1');
CREATE TABLE configuration_baselines (
    organization_id text NOT NULL,
    id text NOT NULL,
    revision integer NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    key text NOT NULL,
    title text NOT NULL,
    status text NOT NULL,
    subject_module_key text,
    subject_resource_type text,
    subject_resource_id text,
    captured_at integer NOT NULL,
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE UNIQUE INDEX configuration_baselines_key ON configuration_baselines (organization_id, key);
CREATE INDEX configuration_baselines_changed ON configuration_baselines (organization_id, updated_at, id);
CREATE INDEX configuration_baselines_status ON configuration_baselines (organization_id, status, id);
CREATE INDEX configuration_baselines_status_changed ON configuration_baselines (organization_id, status, updated_at, id);
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('configuration_baselines', 'sqlite_autoindex_configuration_baselines_1', '10000 1000 1'),
    ('configuration_baselines', 'configuration_baselines_key', '10000 1000 1'),
    ('configuration_baselines', 'configuration_baselines_changed', '10000 1000 2 1'),
    ('configuration_baselines', 'configuration_baselines_status', '10000 1000 300 1'),
    ('configuration_baselines', 'configuration_baselines_status_changed', '10000 1000 300 2 1');
CREATE TABLE releases (
    organization_id text NOT NULL,
    id text NOT NULL,
    revision integer NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    key text NOT NULL,
    title text NOT NULL,
    status text NOT NULL,
    subject_module_key text,
    subject_resource_type text,
    subject_resource_id text,
    released_at integer,
    change_request_ids text NOT NULL,
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE UNIQUE INDEX releases_key ON releases (organization_id, key);
CREATE INDEX releases_changed ON releases (organization_id, updated_at, id);
CREATE INDEX releases_status ON releases (organization_id, status, id);
CREATE INDEX releases_status_changed ON releases (organization_id, status, updated_at, id);
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('releases', 'sqlite_autoindex_releases_1', '10000 1000 1'),
    ('releases', 'releases_key', '10000 1000 1'),
    ('releases', 'releases_changed', '10000 1000 2 1'),
    ('releases', 'releases_status', '10000 1000 300 1'),
    ('releases', 'releases_status_changed', '10000 1000 300 2 1');
CREATE TABLE system_acceptances (
    organization_id text NOT NULL,
    id text NOT NULL,
    revision integer NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    key text NOT NULL,
    title text NOT NULL,
    status text NOT NULL,
    subject_module_key text,
    subject_resource_type text,
    subject_resource_id text,
    decided_at integer,
    release_id text,
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE UNIQUE INDEX system_acceptances_key ON system_acceptances (organization_id, key);
CREATE INDEX system_acceptances_changed ON system_acceptances (organization_id, updated_at, id);
CREATE INDEX system_acceptances_status ON system_acceptances (organization_id, status, id);
CREATE INDEX system_acceptances_status_changed ON system_acceptances (organization_id, status, updated_at, id);
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('system_acceptances', 'sqlite_autoindex_system_acceptances_1', '10000 1000 1'),
    ('system_acceptances', 'system_acceptances_key', '10000 1000 1'),
    ('system_acceptances', 'system_acceptances_changed', '10000 1000 2 1'),
    ('system_acceptances', 'system_acceptances_status', '10000 1000 300 1'),
    ('system_acceptances', 'system_acceptances_status_changed', '10000 1000 300 2 1');
CREATE TABLE vulnerabilities (
    organization_id text NOT NULL,
    id text NOT NULL,
    revision integer NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    key text NOT NULL,
    vulnerability_kind text NOT NULL,
    title text NOT NULL,
    severity text NOT NULL,
    status text NOT NULL,
    subject_module_key text,
    subject_resource_type text,
    subject_resource_id text,
    owner_responsibility_id text,
    cvss_vector text,
    cvss_score text,
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE UNIQUE INDEX vulnerabilities_key ON vulnerabilities (organization_id, key);
CREATE INDEX vulnerabilities_changed ON vulnerabilities (organization_id, updated_at, id);
CREATE INDEX vulnerabilities_vulnerability_kind ON vulnerabilities (organization_id, vulnerability_kind, id);
CREATE INDEX vulnerabilities_vulnerability_kind_changed ON vulnerabilities (organization_id, vulnerability_kind, updated_at, id);
CREATE INDEX vulnerabilities_severity ON vulnerabilities (organization_id, severity, id);
CREATE INDEX vulnerabilities_severity_changed ON vulnerabilities (organization_id, severity, updated_at, id);
CREATE INDEX vulnerabilities_status ON vulnerabilities (organization_id, status, id);
CREATE INDEX vulnerabilities_status_changed ON vulnerabilities (organization_id, status, updated_at, id);
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('vulnerabilities', 'sqlite_autoindex_vulnerabilities_1', '10000 1000 1'),
    ('vulnerabilities', 'vulnerabilities_key', '10000 1000 1'),
    ('vulnerabilities', 'vulnerabilities_changed', '10000 1000 2 1'),
    ('vulnerabilities', 'vulnerabilities_vulnerability_kind', '10000 1000 300 1'),
    ('vulnerabilities', 'vulnerabilities_vulnerability_kind_changed', '10000 1000 300 2 1'),
    ('vulnerabilities', 'vulnerabilities_severity', '10000 1000 300 1'),
    ('vulnerabilities', 'vulnerabilities_severity_changed', '10000 1000 300 2 1'),
    ('vulnerabilities', 'vulnerabilities_status', '10000 1000 300 1'),
    ('vulnerabilities', 'vulnerabilities_status_changed', '10000 1000 300 2 1');
CREATE TABLE vulnerability_assessments (
    organization_id text NOT NULL,
    id text NOT NULL,
    revision integer NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    vulnerability_id text NOT NULL,
    key text NOT NULL,
    assessed_at integer NOT NULL,
    conclusion text NOT NULL,
    severity text NOT NULL,
    status text NOT NULL,
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE UNIQUE INDEX vulnerability_assessments_key ON vulnerability_assessments (organization_id, key);
CREATE INDEX vulnerability_assessments_changed ON vulnerability_assessments (organization_id, updated_at, id);
CREATE INDEX vulnerability_assessments_vulnerability_id ON vulnerability_assessments (organization_id, vulnerability_id, id);
CREATE INDEX vulnerability_assessments_vulnerability_id_changed ON vulnerability_assessments (organization_id, vulnerability_id, updated_at, id);
CREATE INDEX vulnerability_assessments_status ON vulnerability_assessments (organization_id, status, id);
CREATE INDEX vulnerability_assessments_status_changed ON vulnerability_assessments (organization_id, status, updated_at, id);
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('vulnerability_assessments', 'sqlite_autoindex_vulnerability_assessments_1', '10000 1000 1'),
    ('vulnerability_assessments', 'vulnerability_assessments_key', '10000 1000 1'),
    ('vulnerability_assessments', 'vulnerability_assessments_changed', '10000 1000 2 1'),
    ('vulnerability_assessments', 'vulnerability_assessments_vulnerability_id', '10000 1000 5 1'),
    ('vulnerability_assessments', 'vulnerability_assessments_vulnerability_id_changed', '10000 1000 5 2 1'),
    ('vulnerability_assessments', 'vulnerability_assessments_status', '10000 1000 300 1'),
    ('vulnerability_assessments', 'vulnerability_assessments_status_changed', '10000 1000 300 2 1');
CREATE TABLE patch_requirements (
    organization_id text NOT NULL,
    id text NOT NULL,
    revision integer NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    vulnerability_id text NOT NULL,
    key text NOT NULL,
    urgency text NOT NULL,
    status text NOT NULL,
    due_at integer,
    owner_responsibility_id text,
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE UNIQUE INDEX patch_requirements_key ON patch_requirements (organization_id, key);
CREATE INDEX patch_requirements_changed ON patch_requirements (organization_id, updated_at, id);
CREATE INDEX patch_requirements_vulnerability_id ON patch_requirements (organization_id, vulnerability_id, id);
CREATE INDEX patch_requirements_vulnerability_id_changed ON patch_requirements (organization_id, vulnerability_id, updated_at, id);
CREATE INDEX patch_requirements_status ON patch_requirements (organization_id, status, id);
CREATE INDEX patch_requirements_status_changed ON patch_requirements (organization_id, status, updated_at, id);
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('patch_requirements', 'sqlite_autoindex_patch_requirements_1', '10000 1000 1'),
    ('patch_requirements', 'patch_requirements_key', '10000 1000 1'),
    ('patch_requirements', 'patch_requirements_changed', '10000 1000 2 1'),
    ('patch_requirements', 'patch_requirements_vulnerability_id', '10000 1000 5 1'),
    ('patch_requirements', 'patch_requirements_vulnerability_id_changed', '10000 1000 5 2 1'),
    ('patch_requirements', 'patch_requirements_status', '10000 1000 300 1'),
    ('patch_requirements', 'patch_requirements_status_changed', '10000 1000 300 2 1');
ANALYZE sqlite_schema;
