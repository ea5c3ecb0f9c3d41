-- Rollups: counts of records, which a background task counts again once the records have changed, the open findings at
-- the ends of days, and the calls of service accounts.
CREATE TABLE rollups (
    organization_id text COLLATE "C" NOT NULL,
    part text COLLATE "C" NOT NULL,
    as_of bigint NOT NULL,
    counted_at bigint NOT NULL,
    due_at bigint NOT NULL,
    PRIMARY KEY (organization_id, part)
);
CREATE TABLE rollup_counts (
    organization_id text COLLATE "C" NOT NULL,
    part text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    number bigint NOT NULL,
    PRIMARY KEY (organization_id, part, name)
);
CREATE TABLE rollup_days (
    organization_id text COLLATE "C" NOT NULL,
    day bigint NOT NULL,
    info bigint NOT NULL,
    low bigint NOT NULL,
    medium bigint NOT NULL,
    high bigint NOT NULL,
    critical bigint NOT NULL,
    PRIMARY KEY (organization_id, day)
);
CREATE TABLE account_calls (
    organization_id text COLLATE "C" NOT NULL,
    account_id text COLLATE "C" NOT NULL,
    span text COLLATE "C" NOT NULL,
    starts_at bigint NOT NULL,
    answered bigint NOT NULL,
    refused bigint NOT NULL,
    limited bigint NOT NULL,
    failed bigint NOT NULL,
    PRIMARY KEY (organization_id, account_id, span, starts_at)
);
-- Maintenance deletes the calls of all organizations past their retention.
CREATE INDEX account_calls_age ON account_calls (span, starts_at);
