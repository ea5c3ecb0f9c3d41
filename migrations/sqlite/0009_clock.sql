-- The server's clock when an entry was written, where it differs from the time of the entry.

ALTER TABLE audit_entries ADD COLUMN wall_clock integer;

DROP VIEW audit_log;
CREATE VIEW audit_log AS
    SELECT e.organization_id, e.id, e.occurred_at, e.actor_kind, e.actor_id, e.actor_name, e.action, e.subject_kind,
        e.subject_id, e.reason, e.changes, e.request_id, e.method, e.route, e.source_address, e.user_agent, e.status,
        e.wall_clock,
        (SELECT s.sequence || ' ' || s.previous_hash || ' ' || s.hash FROM audit_seals AS s
            WHERE s.organization_id = e.organization_id AND s.entry_id = e.id) AS seal
    FROM audit_entries AS e;

-- Programs from before would seal entries without the column, which is part of their hash, and issue tokens in the name
-- of every installation.
UPDATE installation SET value = '9' WHERE key = 'oldest_schema';
