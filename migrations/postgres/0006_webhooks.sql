-- Subscriptions, and events on their way to them.

CREATE TABLE webhook_subscriptions (
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    account_id text COLLATE "C" NOT NULL,
    place bigint NOT NULL,
    -- Account and place, while it is not removed.
    key text COLLATE "C",
    url text COLLATE "C" NOT NULL,
    description text COLLATE "C" NOT NULL,
    event_types text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    disabled_reason text COLLATE "C",
    secrets text COLLATE "C" NOT NULL,
    PRIMARY KEY (organization_id, id)
);
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
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    subscription_id text COLLATE "C" NOT NULL,
    event_id text COLLATE "C" NOT NULL,
    event_type text COLLATE "C" NOT NULL,
    subject_id text COLLATE "C" NOT NULL,
    subject_revision bigint NOT NULL,
    state text COLLATE "C" NOT NULL,
    failed bigint NOT NULL,
    next_attempt_at bigint,
    attempts text COLLATE "C" NOT NULL,
    PRIMARY KEY (organization_id, id)
);
CREATE INDEX webhook_deliveries_subscription ON webhook_deliveries (organization_id, subscription_id, id);
CREATE INDEX webhook_deliveries_subscription_changed
    ON webhook_deliveries (organization_id, subscription_id, updated_at, id);
CREATE INDEX webhook_deliveries_open
    ON webhook_deliveries (organization_id, subscription_id, next_attempt_at, subject_revision, id)
    WHERE next_attempt_at IS NOT NULL;

-- Who sends to which subscription, and when there is something for it. `arrived` counts what came in since the holder
-- last looked.
CREATE TABLE webhook_lanes (
    organization_id text COLLATE "C" NOT NULL,
    subscription_id text COLLATE "C" NOT NULL,
    due_at bigint,
    arrived bigint NOT NULL,
    holder text COLLATE "C",
    held_until bigint,
    last_delivery_at bigint,
    failing_since bigint,
    PRIMARY KEY (organization_id, subscription_id)
);
CREATE INDEX webhook_lanes_due ON webhook_lanes (due_at, organization_id, subscription_id) WHERE due_at IS NOT NULL;

-- Events are distributed in the order in which they happened, and then kept for as long as deliveries are.
CREATE INDEX outbox_waiting ON outbox (organization_id, created_at, subject_revision, id) WHERE state = 'pending';
DROP INDEX outbox_pending;
