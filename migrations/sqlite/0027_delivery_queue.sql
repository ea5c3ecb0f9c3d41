-- Events that are not fanned out yet, apart from those that are: an event is marked as fanned out by the deletion of a
-- narrow row instead of an update of the row with its body. `attempted` is 1 once some deliveries of the event may exist.
CREATE TABLE pending_events (
    organization_id text NOT NULL,
    created_at integer NOT NULL,
    subject_revision integer NOT NULL,
    id text NOT NULL,
    name text NOT NULL,
    subject_id text NOT NULL,
    attempted integer NOT NULL DEFAULT 0,
    PRIMARY KEY (organization_id, created_at, subject_revision, id)
) WITHOUT ROWID, STRICT;
INSERT INTO pending_events (organization_id, created_at, subject_revision, id, name, subject_id, attempted)
    SELECT organization_id, created_at, subject_revision, id, name, subject_id, 1 FROM outbox WHERE state = 'pending';
DROP INDEX outbox_waiting;
ALTER TABLE outbox DROP COLUMN state;

-- Deliveries as they were fanned out, until their first change: most are stored as a delivery only once, when they are
-- delivered. A delivery is in one of the two tables.
CREATE TABLE webhook_queue (
    organization_id text NOT NULL,
    subscription_id text NOT NULL,
    id text NOT NULL,
    event_id text NOT NULL,
    event_type text NOT NULL,
    subject_id text NOT NULL,
    subject_revision integer NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    next_attempt_at integer NOT NULL,
    PRIMARY KEY (organization_id, subscription_id, id)
) WITHOUT ROWID, STRICT;
-- The same with the columns of webhook_deliveries.
CREATE VIEW queued_webhook_deliveries AS
    SELECT organization_id, id, CAST(1 AS integer) AS revision, created_at, updated_at, subscription_id, event_id, event_type,
        subject_id, subject_revision, CAST('pending' AS text) AS state, CAST(0 AS integer) AS failed,
        next_attempt_at, CAST('[]' AS text) AS attempts
    FROM webhook_queue;
INSERT INTO webhook_queue (organization_id, subscription_id, id, event_id, event_type, subject_id, subject_revision,
        created_at, updated_at, next_attempt_at)
    SELECT organization_id, subscription_id, id, event_id, event_type, subject_id, subject_revision, created_at, updated_at,
        next_attempt_at
    FROM webhook_deliveries
    WHERE next_attempt_at IS NOT NULL AND state = 'pending' AND revision = 1 AND attempts = '[]';
DELETE FROM webhook_deliveries
    WHERE next_attempt_at IS NOT NULL AND state = 'pending' AND revision = 1 AND attempts = '[]';

-- Programs from before would neither fan out new events nor see the deliveries in the queue.
UPDATE installation SET value = '27' WHERE key = 'oldest_schema';

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('pending_events', 'pending_events', '100 10 2 1 1'),
    ('webhook_queue', 'webhook_queue', '1000 100 20 1');
ANALYZE sqlite_schema;
