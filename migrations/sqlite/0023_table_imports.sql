-- Imports of uploaded tables, and the parts of their files. Both are deleted when they expire.
CREATE TABLE table_imports (
    organization_id text NOT NULL,
    id text NOT NULL,
    user_id text NOT NULL,
    version integer NOT NULL,
    document text NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    expires_at integer NOT NULL,
    PRIMARY KEY (organization_id, id)
) STRICT;
-- Maintenance deletes expired imports of all organizations.
CREATE INDEX table_imports_expiry ON table_imports (expires_at);
CREATE TABLE table_import_parts (
    organization_id text NOT NULL,
    import_id text NOT NULL,
    part integer NOT NULL,
    bytes blob NOT NULL,
    PRIMARY KEY (organization_id, import_id, part)
) STRICT;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('table_imports', 'sqlite_autoindex_table_imports_1', '1000 10 1'),
    ('table_imports', 'table_imports_expiry', '1000 2'),
    ('table_import_parts', 'sqlite_autoindex_table_import_parts_1', '10000 100 10 1');
ANALYZE sqlite_schema;
