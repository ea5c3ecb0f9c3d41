CREATE TABLE evidence_requirements (
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    title text COLLATE "C" NOT NULL,
    description text COLLATE "C" NOT NULL,
    subject_module_key text COLLATE "C",
    subject_resource_type text COLLATE "C",
    subject_resource_id text COLLATE "C",
    status text COLLATE "C" NOT NULL,
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX evidence_requirements_key ON evidence_requirements (organization_id, key);
CREATE INDEX evidence_requirements_changed ON evidence_requirements (organization_id, updated_at, id);
CREATE INDEX evidence_requirements_status ON evidence_requirements (organization_id, status, id);
CREATE INDEX evidence_requirements_status_changed ON evidence_requirements (organization_id, status, updated_at, id);
CREATE TABLE evidence_claims (
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    evidence_requirement_id text COLLATE "C" NOT NULL,
    key text COLLATE "C" NOT NULL,
    title text COLLATE "C" NOT NULL,
    description text COLLATE "C",
    status text COLLATE "C" NOT NULL,
    valid_from bigint NOT NULL,
    valid_until bigint,
    source_kind text COLLATE "C" NOT NULL,
    source_reference text COLLATE "C",
    attachments text COLLATE "C" NOT NULL,
    reviewed_at bigint,
    review_note text COLLATE "C",
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX evidence_claims_key ON evidence_claims (organization_id, key);
CREATE INDEX evidence_claims_changed ON evidence_claims (organization_id, updated_at, id);
CREATE INDEX evidence_claims_evidence_requirement_id ON evidence_claims (organization_id, evidence_requirement_id, id);
CREATE INDEX evidence_claims_evidence_requirement_id_changed ON evidence_claims (organization_id, evidence_requirement_id, updated_at, id);
CREATE INDEX evidence_claims_status ON evidence_claims (organization_id, status, id);
CREATE INDEX evidence_claims_status_changed ON evidence_claims (organization_id, status, updated_at, id);
CREATE INDEX evidence_claims_expiry ON evidence_claims (status, valid_until);
CREATE TABLE evidence_attachments (
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    file_name text COLLATE "C" NOT NULL,
    content_type text COLLATE "C" NOT NULL,
    size bigint NOT NULL,
    sha256 text COLLATE "C" NOT NULL,
    uploaded_by text COLLATE "C",
    claim_id text COLLATE "C",
    status text COLLATE "C" NOT NULL,
    PRIMARY KEY (organization_id, id)
);
CREATE INDEX evidence_attachments_changed ON evidence_attachments (organization_id, updated_at, id);
CREATE INDEX evidence_attachments_sha256 ON evidence_attachments (organization_id, sha256, id);
CREATE INDEX evidence_attachments_sha256_changed ON evidence_attachments (organization_id, sha256, updated_at, id);
CREATE INDEX evidence_attachments_status ON evidence_attachments (organization_id, status, id);
CREATE INDEX evidence_attachments_status_changed ON evidence_attachments (organization_id, status, updated_at, id);
CREATE INDEX evidence_attachments_unlinked ON evidence_attachments (status, id);
CREATE TABLE evidence_contents (
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    key text COLLATE "C" NOT NULL,
    object_key text COLLATE "C",
    size bigint NOT NULL,
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX evidence_contents_key ON evidence_contents (organization_id, key);
CREATE INDEX evidence_contents_changed ON evidence_contents (organization_id, updated_at, id);
