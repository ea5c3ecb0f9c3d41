-- The entries of the audit log, packed: those of one trip to the database are one row until they are sealed, and sealed ones
-- are runs of up to 4,096 entries.

-- The entries of the old form that wait for their seal.
CREATE TABLE audit_old_waiting (
    organization_id text NOT NULL,
    id text NOT NULL,
    PRIMARY KEY (organization_id, id)
) WITHOUT ROWID, STRICT;
INSERT INTO audit_old_waiting (organization_id, id) SELECT organization_id, id FROM audit_waiting;
DROP TABLE audit_waiting;

-- Entries that wait for their seal, a row for each trip. `organization_id` is that of the entries, or that of the
-- installation if they are of several organizations.
CREATE TABLE audit_waiting (
    organization_id text NOT NULL,
    id text NOT NULL,
    entries integer NOT NULL,
    body blob NOT NULL,
    PRIMARY KEY (organization_id, id)
) WITHOUT ROWID, STRICT;

-- The chains: `edge` is the right edge of the tree over a chain, and null until all entries of the old form, up to the
-- sequence `old_through`, are converted. `tag` authenticates the row except what was removed.
ALTER TABLE audit_heads ADD COLUMN edge blob;
ALTER TABLE audit_heads ADD COLUMN high_id text NOT NULL DEFAULT '';
ALTER TABLE audit_heads ADD COLUMN late_ms integer NOT NULL DEFAULT 0;
ALTER TABLE audit_heads ADD COLUMN signed_at integer;
ALTER TABLE audit_heads ADD COLUMN signature blob;
ALTER TABLE audit_heads ADD COLUMN note_signature blob;
ALTER TABLE audit_heads ADD COLUMN old_through integer NOT NULL DEFAULT 0;
ALTER TABLE audit_heads ADD COLUMN tag blob;
UPDATE audit_heads SET old_through = sequence, edge = CASE WHEN sequence = 0 THEN CAST('' AS blob) END;

-- Runs of less than 4,096 entries, which larger ones replace.
CREATE TABLE audit_runs (
    organization_id text NOT NULL,
    first_sequence integer NOT NULL,
    last_sequence integer NOT NULL,
    first_id text NOT NULL,
    high_id text NOT NULL,
    body blob NOT NULL,
    PRIMARY KEY (organization_id, first_sequence)
) STRICT;

-- Runs of 4,096 entries. The body is null if `object` of the archive has it.
CREATE TABLE audit_segments (
    organization_id text NOT NULL,
    first_sequence integer NOT NULL,
    last_sequence integer NOT NULL,
    first_id text NOT NULL,
    high_id text NOT NULL,
    digest blob NOT NULL,
    object text,
    object_offset integer,
    body blob,
    PRIMARY KEY (organization_id, first_sequence)
) STRICT;
CREATE INDEX audit_segments_high ON audit_segments (organization_id, high_id, first_sequence);

-- The index of actions, actors and subjects.
CREATE TABLE audit_terms (
    organization_id text NOT NULL,
    bucket integer NOT NULL,
    first_sequence integer NOT NULL,
    body blob NOT NULL,
    PRIMARY KEY (organization_id, bucket, first_sequence)
) STRICT;

-- The nodes of the trees, from the roots of blocks of 256 entries upwards.
CREATE TABLE audit_tiles (
    organization_id text NOT NULL,
    level integer NOT NULL,
    tile integer NOT NULL,
    hashes blob NOT NULL,
    PRIMARY KEY (organization_id, level, tile)
) STRICT;

-- The processes whose rows of entries were read, with the numbers of these rows.
CREATE TABLE audit_writers (
    writer text NOT NULL PRIMARY KEY,
    state blob NOT NULL
) WITHOUT ROWID, STRICT;

-- Programs from before would neither seal the new rows nor show them.
UPDATE installation SET value = '28' WHERE key = 'oldest_schema';

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('audit_old_waiting', 'audit_old_waiting', '100 10 1'),
    ('audit_waiting', 'audit_waiting', '100 10 1'),
    ('audit_runs', 'sqlite_autoindex_audit_runs_1', '1000 20 1'),
    ('audit_segments', 'sqlite_autoindex_audit_segments_1', '10000 100 1'),
    ('audit_segments', 'audit_segments_high', '10000 100 1 1'),
    ('audit_terms', 'sqlite_autoindex_audit_terms_1', '100000 1000 10 1'),
    ('audit_tiles', 'sqlite_autoindex_audit_tiles_1', '1000 10 5 1'),
    ('audit_writers', 'audit_writers', '10 1');
ANALYZE sqlite_schema;
