-- Buckets of rate limits that all servers share. Moments and spans are microseconds. Where a bucket is nobody's, its
-- organization is the nil ULID. `returned` and `granted` are those of the last statement, which reads them back.

CREATE TABLE rate_limits (
    organization_id text COLLATE "C" NOT NULL,
    bucket text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    full_at bigint NOT NULL,
    empty_at bigint NOT NULL,
    span bigint NOT NULL,
    returned bigint NOT NULL,
    granted bigint NOT NULL,
    PRIMARY KEY (organization_id, bucket, subject)
);
