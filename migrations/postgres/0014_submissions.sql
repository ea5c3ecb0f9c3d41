CREATE TABLE submission_requirements (
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    title text COLLATE "C" NOT NULL,
    submission_kind text COLLATE "C" NOT NULL,
    recipient_name text COLLATE "C",
    cadence text COLLATE "C",
    status text COLLATE "C" NOT NULL,
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX submission_requirements_key ON submission_requirements (organization_id, key);
CREATE INDEX submission_requirements_changed ON submission_requirements (organization_id, updated_at, id);
CREATE INDEX submission_requirements_status ON submission_requirements (organization_id, status, id);
CREATE INDEX submission_requirements_status_changed ON submission_requirements (organization_id, status, updated_at, id);
CREATE TABLE submission_packages (
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    submission_requirement_id text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    title text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    due_at bigint,
    submitted_at bigint,
    acknowledged_at bigint,
    decided_at bigint,
    recipient_reference text COLLATE "C",
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX submission_packages_key ON submission_packages (organization_id, key);
CREATE INDEX submission_packages_changed ON submission_packages (organization_id, updated_at, id);
CREATE INDEX submission_packages_submission_requirement_id ON submission_packages (organization_id, submission_requirement_id, id);
CREATE INDEX submission_packages_submission_requirement_id_changed ON submission_packages (organization_id, submission_requirement_id, updated_at, id);
CREATE INDEX submission_packages_status ON submission_packages (organization_id, status, id);
CREATE INDEX submission_packages_status_changed ON submission_packages (organization_id, status, updated_at, id);
CREATE TABLE submission_events (
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    submission_package_id text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    occurred_at bigint NOT NULL,
    recipient_reference text COLLATE "C",
    note text COLLATE "C",
    PRIMARY KEY (organization_id, id)
);
CREATE INDEX submission_events_changed ON submission_events (organization_id, updated_at, id);
CREATE INDEX submission_events_submission_package_id ON submission_events (organization_id, submission_package_id, id);
CREATE INDEX submission_events_submission_package_id_changed ON submission_events (organization_id, submission_package_id, updated_at, id);
