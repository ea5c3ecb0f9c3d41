-- The entries of the audit log, packed: those of one trip to the database are one row until they are sealed, and sealed ones
-- are runs of up to 4,096 entries.

-- The entries of the old form that wait for their seal.
CREATE TABLE audit_old_waiting (
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    PRIMARY KEY (organization_id, id)
);
INSERT INTO audit_old_waiting (organization_id, id) SELECT organization_id, id FROM audit_waiting;
DROP TABLE audit_waiting;

-- Entries that wait for their seal, a row for each trip. `organization_id` is that of the entries, or that of the
-- installation if they are of several organizations. A row is short-lived, so it is kept in one piece.
CREATE TABLE audit_waiting (
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    entries bigint NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (organization_id, id)
) WITH (toast_tuple_target = 8160);

-- The chains: `edge` is the right edge of the tree over a chain, and null until all entries of the old form, up to the
-- sequence `old_through`, are converted. `tag` authenticates the row except what was removed.
ALTER TABLE audit_heads
    ADD COLUMN edge bytea,
    ADD COLUMN high_id text COLLATE "C" NOT NULL DEFAULT '',
    ADD COLUMN late_ms bigint NOT NULL DEFAULT 0,
    ADD COLUMN signed_at bigint,
    ADD COLUMN signature bytea,
    ADD COLUMN note_signature bytea,
    ADD COLUMN old_through bigint NOT NULL DEFAULT 0,
    ADD COLUMN tag bytea;
UPDATE audit_heads SET old_through = sequence, edge = CASE WHEN sequence = 0 THEN CAST('' AS bytea) END;

-- Runs of less than 4,096 entries, which larger ones replace.
CREATE TABLE audit_runs (
    organization_id text COLLATE "C" NOT NULL,
    first_sequence bigint NOT NULL,
    last_sequence bigint NOT NULL,
    first_id text COLLATE "C" NOT NULL,
    high_id text COLLATE "C" NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (organization_id, first_sequence)
);

-- Runs of 4,096 entries. The body is null if `object` of the archive has it.
CREATE TABLE audit_segments (
    organization_id text COLLATE "C" NOT NULL,
    first_sequence bigint NOT NULL,
    last_sequence bigint NOT NULL,
    first_id text COLLATE "C" NOT NULL,
    high_id text COLLATE "C" NOT NULL,
    digest bytea NOT NULL,
    object text COLLATE "C",
    object_offset bigint,
    body bytea,
    PRIMARY KEY (organization_id, first_sequence)
);
CREATE INDEX audit_segments_high ON audit_segments (organization_id, high_id, first_sequence);

-- The index of actions, actors and subjects.
CREATE TABLE audit_terms (
    organization_id text COLLATE "C" NOT NULL,
    bucket bigint NOT NULL,
    first_sequence bigint NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (organization_id, bucket, first_sequence)
);

-- The nodes of the trees, from the roots of blocks of 256 entries upwards.
CREATE TABLE audit_tiles (
    organization_id text COLLATE "C" NOT NULL,
    level bigint NOT NULL,
    tile bigint NOT NULL,
    hashes bytea NOT NULL,
    PRIMARY KEY (organization_id, level, tile)
);

-- The processes whose rows of entries were read, with the numbers of these rows.
CREATE TABLE audit_writers (
    writer text COLLATE "C" NOT NULL PRIMARY KEY,
    state bytea NOT NULL
);

-- Compressed already, and read by parts.
ALTER TABLE audit_waiting ALTER COLUMN body SET STORAGE EXTERNAL;
ALTER TABLE audit_runs ALTER COLUMN body SET STORAGE EXTERNAL;
ALTER TABLE audit_segments ALTER COLUMN body SET STORAGE EXTERNAL;
ALTER TABLE audit_terms ALTER COLUMN body SET STORAGE EXTERNAL;
ALTER TABLE audit_tiles ALTER COLUMN hashes SET STORAGE EXTERNAL;

-- Programs from before would neither seal the new rows nor show them.
UPDATE installation SET value = '28' WHERE key = 'oldest_schema';
