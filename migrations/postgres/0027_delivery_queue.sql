-- Events that are not fanned out yet, apart from those that are: an event is marked as fanned out by the deletion of a
-- narrow row instead of an update of the row with its body. `attempted` is 1 once some deliveries of the event may exist.
CREATE TABLE pending_events (
    organization_id text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    subject_revision bigint NOT NULL,
    id text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    subject_id text COLLATE "C" NOT NULL,
    attempted bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (organization_id, created_at, subject_revision, id)
);
INSERT INTO pending_events (organization_id, created_at, subject_revision, id, name, subject_id, attempted)
    SELECT organization_id, created_at, subject_revision, id, name, subject_id, 1 FROM outbox WHERE state = 'pending';
DROP INDEX outbox_waiting;
ALTER TABLE outbox DROP COLUMN state;

-- Deliveries as they were fanned out, until their first change: most are stored as a delivery only once, when they are
-- delivered. A delivery is in one of the two tables.
CREATE TABLE webhook_queue (
    organization_id text COLLATE "C" NOT NULL,
    subscription_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    event_type text COLLATE "C" NOT NULL,
    subject_id text COLLATE "C" NOT NULL,
    subject_revision bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    next_attempt_at bigint NOT NULL,
    PRIMARY KEY (organization_id, subscription_id, id)
);
-- The same with the columns of webhook_deliveries.
CREATE VIEW queued_webhook_deliveries AS
    SELECT organization_id, id, CAST(1 AS bigint) AS revision, created_at, updated_at, subscription_id, event_id, event_type,
        subject_id, subject_revision, CAST('pending' AS text) COLLATE "C" AS state, CAST(0 AS bigint) AS failed,
        next_attempt_at, CAST('[]' AS text) COLLATE "C" AS attempts
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
