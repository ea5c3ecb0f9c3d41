-- Identifiers are ULIDs without their prefix, moments are milliseconds since 1970. The organization leads every key.

CREATE TABLE organizations (
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    slug text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    locale text COLLATE "C" NOT NULL,
    timezone text COLLATE "C" NOT NULL,
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX organizations_slug ON organizations (slug);
CREATE INDEX organizations_changed ON organizations (organization_id, updated_at, id);

CREATE TABLE service_accounts (
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    name text COLLATE "C" NOT NULL,
    contact text COLLATE "C",
    scopes text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    expires_at bigint,
    secrets text COLLATE "C" NOT NULL,
    read_limit bigint,
    write_limit bigint,
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX service_accounts_name ON service_accounts (organization_id, name);
CREATE INDEX service_accounts_changed ON service_accounts (organization_id, updated_at, id);
-- A credential names the account and not its organization.
CREATE INDEX service_accounts_credential ON service_accounts (id);

CREATE TABLE service_account_uses (
    organization_id text COLLATE "C" NOT NULL,
    account_id text COLLATE "C" NOT NULL,
    last_used_at bigint NOT NULL,
    PRIMARY KEY (organization_id, account_id)
);

CREATE TABLE signing_keys (
    id text COLLATE "C" NOT NULL PRIMARY KEY,
    algorithm text COLLATE "C" NOT NULL,
    sealed bytea NOT NULL,
    created_at bigint NOT NULL
);

CREATE TABLE controls (
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
    implementation_projection_id text COLLATE "C",
    compliance_projection_id text COLLATE "C",
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX controls_key ON controls (organization_id, key);
CREATE INDEX controls_changed ON controls (organization_id, updated_at, id);
CREATE INDEX controls_status ON controls (organization_id, status, id);
CREATE INDEX controls_status_changed ON controls (organization_id, status, updated_at, id);

CREATE TABLE findings (
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    title text COLLATE "C" NOT NULL,
    description text COLLATE "C" NOT NULL,
    severity text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    source_kind text COLLATE "C" NOT NULL,
    source_module_key text COLLATE "C",
    source_resource_type text COLLATE "C",
    source_resource_id text COLLATE "C",
    subject_module_key text COLLATE "C",
    subject_resource_type text COLLATE "C",
    subject_resource_id text COLLATE "C",
    owner_responsibility_id text COLLATE "C",
    owner_member_user_id text COLLATE "C",
    due_at bigint,
    closed_at bigint,
    lifecycle_instance_id text COLLATE "C",
    duplicate_of text COLLATE "C",
    PRIMARY KEY (organization_id, id)
);
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
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    finding_id text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    note text COLLATE "C",
    external_reference text COLLATE "C",
    duplicate_of text COLLATE "C",
    occurred_at bigint NOT NULL,
    PRIMARY KEY (organization_id, id)
);
CREATE INDEX finding_events_changed ON finding_events (organization_id, updated_at, id);
CREATE INDEX finding_events_finding ON finding_events (organization_id, finding_id, id);
CREATE INDEX finding_events_finding_changed ON finding_events (organization_id, finding_id, updated_at, id);

CREATE TABLE idempotency (
    organization_id text COLLATE "C" NOT NULL,
    account_id text COLLATE "C" NOT NULL,
    operation text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    fingerprint text COLLATE "C" NOT NULL,
    status bigint NOT NULL,
    headers text COLLATE "C" NOT NULL,
    body bytea NOT NULL,
    expires_at bigint NOT NULL,
    PRIMARY KEY (organization_id, account_id, operation, key)
);
CREATE INDEX idempotency_expiry ON idempotency (expires_at);

CREATE TABLE audit_entries (
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    occurred_at bigint NOT NULL,
    actor_kind text COLLATE "C" NOT NULL,
    actor_id text COLLATE "C",
    actor_name text COLLATE "C" NOT NULL,
    action text COLLATE "C" NOT NULL,
    subject_kind text COLLATE "C",
    subject_id text COLLATE "C",
    reason text COLLATE "C",
    changes text COLLATE "C" NOT NULL,
    request_id text COLLATE "C" NOT NULL,
    method text COLLATE "C",
    route text COLLATE "C",
    source_address text COLLATE "C",
    user_agent text COLLATE "C",
    status bigint,
    sequence bigint,
    previous_hash text COLLATE "C",
    hash text COLLATE "C",
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX audit_entries_sequence ON audit_entries (organization_id, sequence) WHERE sequence IS NOT NULL;
CREATE INDEX audit_entries_unsealed ON audit_entries (id, organization_id) WHERE sequence IS NULL;
CREATE INDEX audit_entries_action ON audit_entries (organization_id, action, id);
CREATE INDEX audit_entries_actor ON audit_entries (organization_id, actor_id, id, action) WHERE actor_id IS NOT NULL;
CREATE INDEX audit_entries_subject ON audit_entries (organization_id, subject_id, id) WHERE subject_id IS NOT NULL;

CREATE TABLE audit_heads (
    organization_id text COLLATE "C" NOT NULL PRIMARY KEY,
    sequence bigint NOT NULL,
    hash text COLLATE "C" NOT NULL
);

CREATE TABLE audit_checkpoints (
    organization_id text COLLATE "C" NOT NULL,
    sequence bigint NOT NULL,
    hash text COLLATE "C" NOT NULL,
    signed_at bigint NOT NULL,
    signature bytea NOT NULL,
    PRIMARY KEY (organization_id, sequence)
);

CREATE TABLE outbox (
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    subject_kind text COLLATE "C" NOT NULL,
    subject_id text COLLATE "C" NOT NULL,
    subject_revision bigint NOT NULL,
    created_at bigint NOT NULL,
    body bytea NOT NULL,
    state text COLLATE "C" NOT NULL,
    PRIMARY KEY (organization_id, id)
);
CREATE INDEX outbox_pending ON outbox (organization_id, id) WHERE state = 'pending';

CREATE TABLE leases (
    name text COLLATE "C" NOT NULL PRIMARY KEY,
    holder text COLLATE "C" NOT NULL,
    expires_at bigint NOT NULL
);

CREATE TABLE open_writes (
    process_id text COLLATE "C" NOT NULL PRIMARY KEY,
    floor bigint NOT NULL,
    expires_at bigint NOT NULL
);
