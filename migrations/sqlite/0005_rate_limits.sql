-- Buckets of rate limits that all servers share. Moments and spans are microseconds. Where a bucket is nobody's, its
-- organization is the nil ULID. `returned` and `granted` are those of the last statement, which reads them back. One
-- server over a file keeps its buckets in memory, so on SQLite the table stays empty.

CREATE TABLE rate_limits (
    organization_id text NOT NULL,
    bucket text NOT NULL,
    subject text NOT NULL,
    full_at integer NOT NULL,
    empty_at integer NOT NULL,
    span integer NOT NULL,
    returned integer NOT NULL,
    granted integer NOT NULL,
    PRIMARY KEY (organization_id, bucket, subject)
) STRICT;
