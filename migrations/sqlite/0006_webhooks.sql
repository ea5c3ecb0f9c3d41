-- Subscriptions, and events on their way to them.

CREATE TABLE webhook_subscriptions (
    organization_id text NOT NULL,
    id text NOT NULL,
    revision integer NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    account_id text NOT NULL,
    place integer NOT NULL,
    -- Account and place, while it is not removed.
    key text,
    url text NOT NULL,
    description text NOT NULL,
    event_types text NOT NULL,
    status text NOT NULL,
    disabled_reason text,
    secrets text NOT NULL,
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE UNIQUE INDEX webhook_subscriptions_key ON webhook_subscriptions (organization_id, key);
CREATE INDEX webhook_subscriptions_changed ON webhook_subscriptions (organization_id, updated_at, id);
CREATE INDEX webhook_subscriptions_account ON webhook_subscriptions (organization_id, account_id, id, status);
CREATE INDEX webhook_subscriptions_account_changed
    ON webhook_subscriptions (organization_id, account_id, updated_at, id, status);
CREATE INDEX webhook_subscriptions_status ON webhook_subscriptions (organization_id, status, id);
CREATE INDEX webhook_subscriptions_status_changed ON webhook_subscriptions (organization_id, status, updated_at, id);

-- Each is written twice for every event and subscriber, so it has few indexes: a list of deliveries is always that of a
-- subscription, and its other filters are checked along that.
CREATE TABLE webhook_deliveries (
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
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE INDEX webhook_deliveries_subscription ON webhook_deliveries (organization_id, subscription_id, id);
CREATE INDEX webhook_deliveries_subscription_changed
    ON webhook_deliveries (organization_id, subscription_id, updated_at, id);
CREATE INDEX webhook_deliveries_open
    ON webhook_deliveries (organization_id, subscription_id, next_attempt_at, subject_revision, id)
    WHERE next_attempt_at IS NOT NULL;

-- Who sends to which subscription, and when there is something for it. `arrived` counts what came in since the holder
-- last looked.
CREATE TABLE webhook_lanes (
    organization_id text NOT NULL,
    subscription_id text NOT NULL,
    due_at integer,
    arrived integer NOT NULL,
    holder text,
    held_until integer,
    last_delivery_at integer,
    failing_since integer,
    PRIMARY KEY (organization_id, subscription_id)
) WITHOUT ROWID, STRICT;
CREATE INDEX webhook_lanes_due ON webhook_lanes (due_at, organization_id, subscription_id) WHERE due_at IS NOT NULL;

-- Events are distributed in the order in which they happened, and then kept for as long as deliveries are.
CREATE INDEX outbox_waiting ON outbox (organization_id, created_at, subject_revision, id) WHERE state = 'pending';
DROP INDEX outbox_pending;

-- What the planner is to take for granted.
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('webhook_subscriptions', 'sqlite_autoindex_webhook_subscriptions_1', '1000 100 1'),
    ('webhook_subscriptions', 'webhook_subscriptions_key', '1000 100 1'),
    ('webhook_subscriptions', 'webhook_subscriptions_changed', '1000 100 2 1'),
    ('webhook_subscriptions', 'webhook_subscriptions_account', '1000 100 5 1 1'),
    ('webhook_subscriptions', 'webhook_subscriptions_account_changed', '1000 100 5 2 1 1'),
    ('webhook_subscriptions', 'webhook_subscriptions_status', '1000 100 50 1'),
    ('webhook_subscriptions', 'webhook_subscriptions_status_changed', '1000 100 50 2 1'),
    ('webhook_deliveries', 'sqlite_autoindex_webhook_deliveries_1', '1000000 100000 1'),
    ('webhook_deliveries', 'webhook_deliveries_subscription', '1000000 100000 20000 1'),
    ('webhook_deliveries', 'webhook_deliveries_subscription_changed', '1000000 100000 20000 2 1'),
    ('webhook_deliveries', 'webhook_deliveries_open', '1000 100 20 2 1 1'),
    ('webhook_lanes', 'webhook_lanes', '1000 100 1'),
    ('webhook_lanes', 'webhook_lanes_due', '100 2 1 1'),
    ('outbox', 'sqlite_autoindex_outbox_1', '1000000 100000 1'),
    ('outbox', 'outbox_waiting', '100 10 2 1 1');
ANALYZE sqlite_schema;
