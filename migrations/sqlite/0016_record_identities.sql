-- Records without a key are found again by their identity: two imports at once must not create them twice. The columns
-- that lists are filtered by come last, so that no list is read along these indexes.
CREATE UNIQUE INDEX coverage_links_unique ON coverage_links (organization_id, target_module_key, target_resource_type, target_resource_id, node_id);
CREATE UNIQUE INDEX monitor_runs_unique ON monitor_runs (organization_id, started_at, monitor_definition_id);
CREATE UNIQUE INDEX monitor_run_items_unique ON monitor_run_items (organization_id, observed_at, subject_module_key, subject_resource_type, subject_resource_id, monitor_run_id);
CREATE UNIQUE INDEX monitor_run_items_unique_without_subject ON monitor_run_items (organization_id, observed_at, monitor_run_id) WHERE subject_resource_id IS NULL;
CREATE UNIQUE INDEX measurements_unique ON measurements (organization_id, measured_at, indicator_definition_id);
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('coverage_links', 'coverage_links_unique', '10000 1000 900 800 5 1'),
    ('monitor_runs', 'monitor_runs_unique', '10000 1000 2 1'),
    ('monitor_run_items', 'monitor_run_items_unique', '10000 1000 2 2 2 1 1'),
    ('monitor_run_items', 'monitor_run_items_unique_without_subject', '100 100 2 1'),
    ('measurements', 'measurements_unique', '10000 1000 2 1');
ANALYZE sqlite_schema;
