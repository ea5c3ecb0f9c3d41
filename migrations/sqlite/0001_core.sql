-- Identifiers are ULIDs without their prefix, moments are milliseconds since 1970. The organization leads every key.

CREATE TABLE organizations (
    organization_id text NOT NULL,
    id text NOT NULL,
    revision integer NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    slug text NOT NULL,
    name text NOT NULL,
    locale text NOT NULL,
    timezone text NOT NULL,
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE UNIQUE INDEX organizations_slug ON organizations (slug);
CREATE INDEX organizations_changed ON organizations (organization_id, updated_at, id);

CREATE TABLE service_accounts (
    organization_id text NOT NULL,
    id text NOT NULL,
    revision integer NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    name text NOT NULL,
    contact text,
    scopes text NOT NULL,
    status text NOT NULL,
    expires_at integer,
    secrets text NOT NULL,
    read_limit integer,
    write_limit integer,
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE UNIQUE INDEX service_accounts_name ON service_accounts (organization_id, name);
CREATE INDEX service_accounts_changed ON service_accounts (organization_id, updated_at, id);
-- A credential names the account and not its organization.
CREATE INDEX service_accounts_credential ON service_accounts (id);

CREATE TABLE service_account_uses (
    organization_id text NOT NULL,
    account_id text NOT NULL,
    last_used_at integer NOT NULL,
    PRIMARY KEY (organization_id, account_id)
) WITHOUT ROWID, STRICT;

CREATE TABLE signing_keys (
    id text NOT NULL PRIMARY KEY,
    algorithm text NOT NULL,
    sealed blob NOT NULL,
    created_at integer NOT NULL
) WITHOUT ROWID, STRICT;

CREATE TABLE controls (
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
    implementation_projection_id text,
    compliance_projection_id text,
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE UNIQUE INDEX controls_key ON controls (organization_id, key);
CREATE INDEX controls_changed ON controls (organization_id, updated_at, id);
CREATE INDEX controls_status ON controls (organization_id, status, id);
CREATE INDEX controls_status_changed ON controls (organization_id, status, updated_at, id);

CREATE TABLE findings (
    organization_id text NOT NULL,
    id text NOT NULL,
    revision integer NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    key text NOT NULL,
    title text NOT NULL,
    description text NOT NULL,
    severity text NOT NULL,
    status text NOT NULL,
    source_kind text NOT NULL,
    source_module_key text,
    source_resource_type text,
    source_resource_id text,
    subject_module_key text,
    subject_resource_type text,
    subject_resource_id text,
    owner_responsibility_id text,
    owner_member_user_id text,
    due_at integer,
    closed_at integer,
    lifecycle_instance_id text,
    duplicate_of text,
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE UNIQUE INDEX findings_key ON findings (organization_id, key);
CREATE INDEX findings_changed ON findings (organization_id, updated_at, id);
-- What follows the order is checked beside a leading filter, without the row. In the order of creation that is only what
-- seldom changes: every change of it moves the entry. In the order of change the entry moves anyway.
CREATE INDEX findings_status ON findings (organization_id, status, id, severity, source_kind);
CREATE INDEX findings_status_changed ON findings (organization_id, status, updated_at, id, severity, source_kind);
CREATE INDEX findings_severity ON findings (organization_id, severity, id, source_kind);
CREATE INDEX findings_severity_changed ON findings (organization_id, severity, updated_at, id, status, source_kind);
CREATE INDEX findings_source_kind ON findings (organization_id, source_kind, id, severity);
CREATE INDEX findings_source_kind_changed ON findings (organization_id, source_kind, updated_at, id, status, severity);
CREATE INDEX findings_subject ON findings (organization_id, subject_resource_id, id)
    WHERE subject_resource_id IS NOT NULL;
CREATE INDEX findings_subject_changed
    ON findings (organization_id, subject_resource_id, updated_at, id, status, severity, source_kind)
    WHERE subject_resource_id IS NOT NULL;

CREATE TABLE finding_events (
    organization_id text NOT NULL,
    id text NOT NULL,
    revision integer NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    finding_id text NOT NULL,
    kind text NOT NULL,
    note text,
    external_reference text,
    duplicate_of text,
    occurred_at integer NOT NULL,
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE INDEX finding_events_changed ON finding_events (organization_id, updated_at, id);
CREATE INDEX finding_events_finding ON finding_events (organization_id, finding_id, id);
CREATE INDEX finding_events_finding_changed ON finding_events (organization_id, finding_id, updated_at, id);

CREATE TABLE idempotency (
    organization_id text NOT NULL,
    account_id text NOT NULL,
    operation text NOT NULL,
    key text NOT NULL,
    fingerprint text NOT NULL,
    status integer NOT NULL,
    headers text NOT NULL,
    body blob NOT NULL,
    expires_at integer NOT NULL,
    PRIMARY KEY (organization_id, account_id, operation, key)
) STRICT;
CREATE INDEX idempotency_expiry ON idempotency (expires_at);

CREATE TABLE audit_entries (
    organization_id text NOT NULL,
    id text NOT NULL,
    occurred_at integer NOT NULL,
    actor_kind text NOT NULL,
    actor_id text,
    actor_name text NOT NULL,
    action text NOT NULL,
    subject_kind text,
    subject_id text,
    reason text,
    changes text NOT NULL,
    request_id text NOT NULL,
    method text,
    route text,
    source_address text,
    user_agent text,
    status integer,
    sequence integer,
    previous_hash text,
    hash text,
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE UNIQUE INDEX audit_entries_sequence ON audit_entries (organization_id, sequence) WHERE sequence IS NOT NULL;
CREATE INDEX audit_entries_unsealed ON audit_entries (id, organization_id) WHERE sequence IS NULL;
CREATE INDEX audit_entries_action ON audit_entries (organization_id, action, id);
CREATE INDEX audit_entries_actor ON audit_entries (organization_id, actor_id, id, action) WHERE actor_id IS NOT NULL;
CREATE INDEX audit_entries_subject ON audit_entries (organization_id, subject_id, id) WHERE subject_id IS NOT NULL;

CREATE TABLE audit_heads (
    organization_id text NOT NULL PRIMARY KEY,
    sequence integer NOT NULL,
    hash text NOT NULL
) WITHOUT ROWID, STRICT;

CREATE TABLE audit_checkpoints (
    organization_id text NOT NULL,
    sequence integer NOT NULL,
    hash text NOT NULL,
    signed_at integer NOT NULL,
    signature blob NOT NULL,
    PRIMARY KEY (organization_id, sequence)
) WITHOUT ROWID, STRICT;

CREATE TABLE outbox (
    organization_id text NOT NULL,
    id text NOT NULL,
    name text NOT NULL,
    subject_kind text NOT NULL,
    subject_id text NOT NULL,
    subject_revision integer NOT NULL,
    created_at integer NOT NULL,
    body blob NOT NULL,
    state text NOT NULL,
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE INDEX outbox_pending ON outbox (organization_id, id) WHERE state = 'pending';

CREATE TABLE leases (
    name text NOT NULL PRIMARY KEY,
    holder text NOT NULL,
    expires_at integer NOT NULL
) WITHOUT ROWID, STRICT;

CREATE TABLE open_writes (
    process_id text NOT NULL PRIMARY KEY,
    floor integer NOT NULL,
    expires_at integer NOT NULL
) WITHOUT ROWID, STRICT;

-- What the planner is to take for granted, so that its choice of index does not hang on a guess or on when statistics were
-- last taken: organizations with many records, of which a word like a status selects a good part.
ANALYZE sqlite_schema;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('controls', 'sqlite_autoindex_controls_1', '10000 1000 1'),
    ('controls', 'controls_key', '10000 1000 1'),
    ('controls', 'controls_changed', '10000 1000 2 1'),
    ('controls', 'controls_status', '10000 1000 300 1'),
    ('controls', 'controls_status_changed', '10000 1000 300 2 1'),
    ('findings', 'sqlite_autoindex_findings_1', '100000 10000 1'),
    ('findings', 'findings_key', '100000 10000 1'),
    ('findings', 'findings_changed', '100000 10000 2 1'),
    ('findings', 'findings_status', '100000 10000 1500 1 1 1'),
    ('findings', 'findings_status_changed', '100000 10000 1500 2 1 1 1'),
    ('findings', 'findings_severity', '100000 10000 2000 1 1'),
    ('findings', 'findings_severity_changed', '100000 10000 2000 2 1 1 1'),
    ('findings', 'findings_source_kind', '100000 10000 1500 1 1'),
    ('findings', 'findings_source_kind_changed', '100000 10000 1500 2 1 1 1'),
    ('findings', 'findings_subject', '90000 9000 5 1'),
    ('findings', 'findings_subject_changed', '90000 9000 5 2 1 1 1 1'),
    ('finding_events', 'sqlite_autoindex_finding_events_1', '100000 10000 1'),
    ('finding_events', 'finding_events_changed', '100000 10000 2 1'),
    ('finding_events', 'finding_events_finding', '100000 10000 5 1'),
    ('finding_events', 'finding_events_finding_changed', '100000 10000 5 2 1'),
    ('audit_entries', 'sqlite_autoindex_audit_entries_1', '1000000 100000 1'),
    ('audit_entries', 'audit_entries_sequence', '1000000 100000 1'),
    ('audit_entries', 'audit_entries_unsealed', '100 1 1'),
    ('audit_entries', 'audit_entries_action', '1000000 100000 5000 1'),
    ('audit_entries', 'audit_entries_actor', '1000000 100000 10000 1 1'),
    ('audit_entries', 'audit_entries_subject', '500000 50000 5 1');
ANALYZE sqlite_schema;
