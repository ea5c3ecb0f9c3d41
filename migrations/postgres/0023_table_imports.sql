-- Imports of uploaded tables, and the parts of their files. Both are deleted when they expire.
CREATE TABLE table_imports (
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    document text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    PRIMARY KEY (organization_id, id)
);
-- Maintenance deletes expired imports of all organizations.
CREATE INDEX table_imports_expiry ON table_imports (expires_at);
CREATE TABLE table_import_parts (
    organization_id text COLLATE "C" NOT NULL,
    import_id text COLLATE "C" NOT NULL,
    part bigint NOT NULL,
    bytes bytea NOT NULL,
    PRIMARY KEY (organization_id, import_id, part)
);
