-- The deliveries of a subscription lie together: with a key beside that order, each was written into a fourth index.

CREATE TABLE webhook_deliveries_by_subscription (
    organization_id text NOT NULL,
    id text NOT NULL,
    revision integer NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    subscription_id text NOT NULL,
    event_id text NOT NULL,
    event_type text NOT NULL,
    subject_id text NOT NULL,
    subject_revision integer NOT NULL,
    state text NOT NULL,
    failed integer NOT NULL,
    next_attempt_at integer,
    attempts text NOT NULL,
    PRIMARY KEY (organization_id, subscription_id, id)
) STRICT;
INSERT INTO webhook_deliveries_by_subscription (organization_id, id, revision, created_at, updated_at, subscription_id,
        event_id, event_type, subject_id, subject_revision, state, failed, next_attempt_at, attempts)
    SELECT organization_id, id, revision, created_at, updated_at, subscription_id, event_id, event_type, subject_id,
        subject_revision, state, failed, next_attempt_at, attempts
    FROM webhook_deliveries ORDER BY organization_id, subscription_id, id;
-- What the planner took for granted of it goes with it.
DROP TABLE webhook_deliveries;
ALTER TABLE webhook_deliveries_by_subscription RENAME TO webhook_deliveries;
CREATE INDEX webhook_deliveries_subscription_changed
    ON webhook_deliveries (organization_id, subscription_id, updated_at, id);
CREATE INDEX webhook_deliveries_open
    ON webhook_deliveries (organization_id, subscription_id, next_attempt_at, subject_revision, id)
    WHERE next_attempt_at IS NOT NULL;

-- Programs from before would look for one delivery among all of its organization.
UPDATE installation SET value = '8' WHERE key = 'oldest_schema';

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('webhook_deliveries', 'sqlite_autoindex_webhook_deliveries_1', '1000000 100000 20000 1'),
    ('webhook_deliveries', 'webhook_deliveries_subscription_changed', '1000000 100000 20000 2 1'),
    ('webhook_deliveries', 'webhook_deliveries_open', '1000 100 20 2 1 1');
ANALYZE sqlite_schema;
