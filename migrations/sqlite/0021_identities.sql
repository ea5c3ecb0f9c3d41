-- Identities of an OpenID Connect provider by which users sign in.
CREATE TABLE user_identities (
    organization_id text NOT NULL,
    issuer text NOT NULL,
    subject text NOT NULL,
    user_id text NOT NULL,
    linked_at integer NOT NULL,
    last_used_at integer NOT NULL,
    PRIMARY KEY (organization_id, issuer, subject)
) STRICT;
CREATE INDEX user_identities_user ON user_identities (organization_id, user_id, linked_at, issuer, subject);
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('user_identities', 'sqlite_autoindex_user_identities_1', '10000 1000 1000 1'),
    ('user_identities', 'user_identities_user', '10000 1000 1 1 1 1');
ANALYZE sqlite_schema;
