CREATE TABLE evidence_requirements (
    organization_id text NOT NULL,
    id text NOT NULL,
    revision integer NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    key text NOT NULL,
    title text NOT NULL,
    description text NOT NULL,
    subject_module_key text,
    subject_resource_type text,
    subject_resource_id text,
    status text NOT NULL,
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE UNIQUE INDEX evidence_requirements_key ON evidence_requirements (organization_id, key);
CREATE INDEX evidence_requirements_changed ON evidence_requirements (organization_id, updated_at, id);
CREATE INDEX evidence_requirements_status ON evidence_requirements (organization_id, status, id);
CREATE INDEX evidence_requirements_status_changed ON evidence_requirements (organization_id, status, updated_at, id);
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('evidence_requirements', 'sqlite_autoindex_evidence_requirements_1', '10000 1000 1'),
    ('evidence_requirements', 'evidence_requirements_key', '10000 1000 1'),
    ('evidence_requirements', 'evidence_requirements_changed', '10000 1000 2 1'),
    ('evidence_requirements', 'evidence_requirements_status', '10000 1000 300 1'),
    ('evidence_requirements', 'evidence_requirements_status_changed', '10000 1000 300 2 1');
CREATE TABLE evidence_claims (
    organization_id text NOT NULL,
    id text NOT NULL,
    revision integer NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    evidence_requirement_id text NOT NULL,
    key text NOT NULL,
    title text NOT NULL,
    description text,
    status text NOT NULL,
    valid_from integer NOT NULL,
    valid_until integer,
    source_kind text NOT NULL,
    source_reference text,
    attachments text NOT NULL,
    reviewed_at integer,
    review_note text,
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE UNIQUE INDEX evidence_claims_key ON evidence_claims (organization_id, key);
CREATE INDEX evidence_claims_changed ON evidence_claims (organization_id, updated_at, id);
CREATE INDEX evidence_claims_evidence_requirement_id ON evidence_claims (organization_id, evidence_requirement_id, id);
CREATE INDEX evidence_claims_evidence_requirement_id_changed ON evidence_claims (organization_id, evidence_requirement_id, updated_at, id);
CREATE INDEX evidence_claims_status ON evidence_claims (organization_id, status, id);
CREATE INDEX evidence_claims_status_changed ON evidence_claims (organization_id, status, updated_at, id);
CREATE INDEX evidence_claims_expiry ON evidence_claims (status, valid_until);
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('evidence_claims', 'sqlite_autoindex_evidence_claims_1', '10000 1000 1'),
    ('evidence_claims', 'evidence_claims_key', '10000 1000 1'),
    ('evidence_claims', 'evidence_claims_changed', '10000 1000 2 1'),
    ('evidence_claims', 'evidence_claims_evidence_requirement_id', '10000 1000 5 1'),
    ('evidence_claims', 'evidence_claims_evidence_requirement_id_changed', '10000 1000 5 2 1'),
    ('evidence_claims', 'evidence_claims_status', '10000 1000 300 1'),
    ('evidence_claims', 'evidence_claims_status_changed', '10000 1000 300 2 1'),
    ('evidence_claims', 'evidence_claims_expiry', '10000 3000 2');
CREATE TABLE evidence_attachments (
    organization_id text NOT NULL,
    id text NOT NULL,
    revision integer NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    file_name text NOT NULL,
    content_type text NOT NULL,
    size integer NOT NULL,
    sha256 text NOT NULL,
    uploaded_by text,
    claim_id text,
    status text NOT NULL,
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE INDEX evidence_attachments_changed ON evidence_attachments (organization_id, updated_at, id);
CREATE INDEX evidence_attachments_sha256 ON evidence_attachments (organization_id, sha256, id);
CREATE INDEX evidence_attachments_sha256_changed ON evidence_attachments (organization_id, sha256, updated_at, id);
CREATE INDEX evidence_attachments_status ON evidence_attachments (organization_id, status, id);
CREATE INDEX evidence_attachments_status_changed ON evidence_attachments (organization_id, status, updated_at, id);
CREATE INDEX evidence_attachments_unlinked ON evidence_attachments (status, id);
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('evidence_attachments', 'sqlite_autoindex_evidence_attachments_1', '10000 1000 1'),
    ('evidence_attachments', 'evidence_attachments_changed', '10000 1000 2 1'),
    ('evidence_attachments', 'evidence_attachments_sha256', '10000 1000 5 1'),
    ('evidence_attachments', 'evidence_attachments_sha256_changed', '10000 1000 5 2 1'),
    ('evidence_attachments', 'evidence_attachments_status', '10000 1000 300 1'),
    ('evidence_attachments', 'evidence_attachments_status_changed', '10000 1000 300 2 1'),
    ('evidence_attachments', 'evidence_attachments_unlinked', '10000 3000 1');
CREATE TABLE evidence_contents (
    organization_id text NOT NULL,
    id text NOT NULL,
    revision integer NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    key text NOT NULL,
    object_key text,
    size integer NOT NULL,
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE UNIQUE INDEX evidence_contents_key ON evidence_contents (organization_id, key);
CREATE INDEX evidence_contents_changed ON evidence_contents (organization_id, updated_at, id);
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('evidence_contents', 'sqlite_autoindex_evidence_contents_1', '10000 1000 1'),
    ('evidence_contents', 'evidence_contents_key', '10000 1000 1'),
    ('evidence_contents', 'evidence_contents_changed', '10000 1000 2 1');
ANALYZE sqlite_schema;
