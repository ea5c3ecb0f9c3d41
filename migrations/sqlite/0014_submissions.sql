CREATE TABLE submission_requirements (
    organization_id text NOT NULL,
    id text NOT NULL,
    revision integer NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    key text NOT NULL,
    title text NOT NULL,
    submission_kind text NOT NULL,
    recipient_name text,
    cadence text,
    status text NOT NULL,
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE UNIQUE INDEX submission_requirements_key ON submission_requirements (organization_id, key);
CREATE INDEX submission_requirements_changed ON submission_requirements (organization_id, updated_at, id);
CREATE INDEX submission_requirements_status ON submission_requirements (organization_id, status, id);
CREATE INDEX submission_requirements_status_changed ON submission_requirements (organization_id, status, updated_at, id);
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('submission_requirements', 'sqlite_autoindex_submission_requirements_1', '10000 1000 1'),
    ('submission_requirements', 'submission_requirements_key', '10000 1000 1'),
    ('submission_requirements', 'submission_requirements_changed', '10000 1000 2 1'),
    ('submission_requirements', 'submission_requirements_status', '10000 1000 300 1'),
    ('submission_requirements', 'submission_requirements_status_changed', '10000 1000 300 2 1');
CREATE TABLE submission_packages (
    organization_id text NOT NULL,
    id text NOT NULL,
    revision integer NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    submission_requirement_id text NOT NULL,
    key text NOT NULL,
    title text NOT NULL,
    status text NOT NULL,
    due_at integer,
    submitted_at integer,
    acknowledged_at integer,
    decided_at integer,
    recipient_reference text,
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE UNIQUE INDEX submission_packages_key ON submission_packages (organization_id, key);
CREATE INDEX submission_packages_changed ON submission_packages (organization_id, updated_at, id);
CREATE INDEX submission_packages_submission_requirement_id ON submission_packages (organization_id, submission_requirement_id, id);
CREATE INDEX submission_packages_submission_requirement_id_changed ON submission_packages (organization_id, submission_requirement_id, updated_at, id);
CREATE INDEX submission_packages_status ON submission_packages (organization_id, status, id);
CREATE INDEX submission_packages_status_changed ON submission_packages (organization_id, status, updated_at, id);
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('submission_packages', 'sqlite_autoindex_submission_packages_1', '10000 1000 1'),
    ('submission_packages', 'submission_packages_key', '10000 1000 1'),
    ('submission_packages', 'submission_packages_changed', '10000 1000 2 1'),
    ('submission_packages', 'submission_packages_submission_requirement_id', '10000 1000 5 1'),
    ('submission_packages', 'submission_packages_submission_requirement_id_changed', '10000 1000 5 2 1'),
    ('submission_packages', 'submission_packages_status', '10000 1000 300 1'),
    ('submission_packages', 'submission_packages_status_changed', '10000 1000 300 2 1');
CREATE TABLE submission_events (
    organization_id text NOT NULL,
    id text NOT NULL,
    revision integer NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    submission_package_id text NOT NULL,
    kind text NOT NULL,
    occurred_at integer NOT NULL,
    recipient_reference text,
    note text,
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE INDEX submission_events_changed ON submission_events (organization_id, updated_at, id);
CREATE INDEX submission_events_submission_package_id ON submission_events (organization_id, submission_package_id, id);
CREATE INDEX submission_events_submission_package_id_changed ON submission_events (organization_id, submission_package_id, updated_at, id);
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('submission_events', 'sqlite_autoindex_submission_events_1', '10000 1000 1'),
    ('submission_events', 'submission_events_changed', '10000 1000 2 1'),
    ('submission_events', 'submission_events_submission_package_id', '10000 1000 5 1'),
    ('submission_events', 'submission_events_submission_package_id_changed', '10000 1000 5 2 1');
ANALYZE sqlite_schema;
