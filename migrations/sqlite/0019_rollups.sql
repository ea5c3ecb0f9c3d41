-- Rollups: counts of records, which a background task counts again once the records have changed, the open findings at
-- the ends of days, and the calls of service accounts.
CREATE TABLE rollups (
    organization_id text NOT NULL,
    part text NOT NULL,
    as_of integer NOT NULL,
    counted_at integer NOT NULL,
    due_at integer NOT NULL,
    PRIMARY KEY (organization_id, part)
) STRICT;
CREATE TABLE rollup_counts (
    organization_id text NOT NULL,
    part text NOT NULL,
    name text NOT NULL,
    number integer NOT NULL,
    PRIMARY KEY (organization_id, part, name)
) STRICT;
CREATE TABLE rollup_days (
    organization_id text NOT NULL,
    day integer NOT NULL,
    info integer NOT NULL,
    low integer NOT NULL,
    medium integer NOT NULL,
    high integer NOT NULL,
    critical integer NOT NULL,
    PRIMARY KEY (organization_id, day)
) STRICT;
CREATE TABLE account_calls (
    organization_id text NOT NULL,
    account_id text NOT NULL,
    span text NOT NULL,
    starts_at integer NOT NULL,
    answered integer NOT NULL,
    refused integer NOT NULL,
    limited integer NOT NULL,
    failed integer NOT NULL,
    PRIMARY KEY (organization_id, account_id, span, starts_at)
) STRICT;
-- Maintenance deletes the calls of all organizations past their retention.
CREATE INDEX account_calls_age ON account_calls (span, starts_at);
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('rollups', 'sqlite_autoindex_rollups_1', '40 4 1'),
    ('rollup_counts', 'sqlite_autoindex_rollup_counts_1', '1000 100 25 1'),
    ('rollup_days', 'sqlite_autoindex_rollup_days_1', '4000 400 1'),
    ('account_calls', 'sqlite_autoindex_account_calls_1', '500000 50000 5000 2500 1'),
    ('account_calls', 'account_calls_age', '500000 250000 100');
ANALYZE sqlite_schema;
