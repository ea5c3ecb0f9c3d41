-- Calls that repeat one with an entry of its own, counted until one entry is stored for all of them. `id` is that of the
-- first call's entry.

CREATE TABLE audit_repeats (
    organization_id text NOT NULL,
    id text NOT NULL,
    due_at integer NOT NULL,
    calls integer NOT NULL,
    PRIMARY KEY (organization_id, id)
) WITHOUT ROWID, STRICT;

-- Where a chain begins: the last entry that was removed from its start, and that entry's hash.
ALTER TABLE audit_heads ADD COLUMN removed_through integer NOT NULL DEFAULT 0;
ALTER TABLE audit_heads ADD COLUMN removed_hash text NOT NULL
    DEFAULT '0000000000000000000000000000000000000000000000000000000000000000';

-- Programs from before would report the removed entries as lost, and would replay compressed responses as they are.
UPDATE installation SET value = '10' WHERE key = 'oldest_schema';
