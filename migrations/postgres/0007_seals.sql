-- An entry of the audit log is written once. Its place in the chain is a row of its own, since changing a row with so many
-- indexes costs three times what writing it did.

CREATE TABLE audit_seals (
    organization_id text COLLATE "C" NOT NULL,
    sequence bigint NOT NULL,
    entry_id text COLLATE "C" NOT NULL,
    previous_hash text COLLATE "C" NOT NULL,
    hash text COLLATE "C" NOT NULL,
    PRIMARY KEY (organization_id, sequence)
);
INSERT INTO audit_seals (organization_id, sequence, entry_id, previous_hash, hash)
    SELECT organization_id, sequence, id, previous_hash, hash FROM audit_entries WHERE sequence IS NOT NULL;
CREATE UNIQUE INDEX audit_seals_entry ON audit_seals (organization_id, entry_id);

-- Entries on their way to their seal.
CREATE TABLE audit_waiting (
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    PRIMARY KEY (organization_id, id)
);
INSERT INTO audit_waiting (organization_id, id) SELECT organization_id, id FROM audit_entries WHERE sequence IS NULL;

DROP INDEX audit_entries_sequence;
DROP INDEX audit_entries_waiting;
ALTER TABLE audit_entries DROP COLUMN sequence, DROP COLUMN previous_hash, DROP COLUMN hash;

-- Entries with their seals. A join would let planners begin with the seals.
CREATE VIEW audit_log AS
    SELECT e.organization_id, e.id, e.occurred_at, e.actor_kind, e.actor_id, e.actor_name, e.action, e.subject_kind,
        e.subject_id, e.reason, e.changes, e.request_id, e.method, e.route, e.source_address, e.user_agent, e.status,
        (SELECT s.sequence || ' ' || s.previous_hash || ' ' || s.hash FROM audit_seals AS s
            WHERE s.organization_id = e.organization_id AND s.entry_id = e.id) AS seal
    FROM audit_entries AS e;

-- Programs from before would seal nothing, and what they add would never be sealed.
UPDATE installation SET value = '7' WHERE key = 'oldest_schema';
