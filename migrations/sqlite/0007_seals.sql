-- An entry of the audit log is written once. Its place in the chain is a row of its own, since changing a row with so many
-- indexes costs three times what writing it did.

CREATE TABLE audit_seals (
    organization_id text NOT NULL,
    sequence integer NOT NULL,
    entry_id text NOT NULL,
    previous_hash text NOT NULL,
    hash text NOT NULL,
    PRIMARY KEY (organization_id, sequence)
) WITHOUT ROWID, STRICT;
INSERT INTO audit_seals (organization_id, sequence, entry_id, previous_hash, hash)
    SELECT organization_id, sequence, id, previous_hash, hash FROM audit_entries WHERE sequence IS NOT NULL;
CREATE UNIQUE INDEX audit_seals_entry ON audit_seals (organization_id, entry_id);

-- Entries on their way to their seal.
CREATE TABLE audit_waiting (
    organization_id text NOT NULL,
    id text NOT NULL,
    PRIMARY KEY (organization_id, id)
) WITHOUT ROWID, STRICT;
INSERT INTO audit_waiting (organization_id, id) SELECT organization_id, id FROM audit_entries WHERE sequence IS NULL;

DROP INDEX audit_entries_sequence;
DROP INDEX audit_entries_waiting;
ALTER TABLE audit_entries DROP COLUMN sequence;
ALTER TABLE audit_entries DROP COLUMN previous_hash;
ALTER TABLE audit_entries DROP COLUMN hash;

-- Entries with their seals. A join would let planners begin with the seals.
CREATE VIEW audit_log AS
    SELECT e.organization_id, e.id, e.occurred_at, e.actor_kind, e.actor_id, e.actor_name, e.action, e.subject_kind,
        e.subject_id, e.reason, e.changes, e.request_id, e.method, e.route, e.source_address, e.user_agent, e.status,
        (SELECT s.sequence || ' ' || s.previous_hash || ' ' || s.hash FROM audit_seals AS s
            WHERE s.organization_id = e.organization_id AND s.entry_id = e.id) AS seal
    FROM audit_entries AS e;

-- Programs from before would seal nothing, and what they add would never be sealed.
UPDATE installation SET value = '7' WHERE key = 'oldest_schema';

DELETE FROM sqlite_stat1 WHERE idx IN ('audit_entries_sequence', 'audit_entries_unsealed', 'audit_entries_waiting');
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('audit_seals', 'audit_seals', '1000000 100000 1'),
    ('audit_seals', 'audit_seals_entry', '1000000 100000 1'),
    ('audit_waiting', 'audit_waiting', '100 10 1');
ANALYZE sqlite_schema;
