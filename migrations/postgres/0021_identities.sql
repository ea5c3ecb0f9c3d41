-- Identities of an OpenID Connect provider by which users sign in.
CREATE TABLE user_identities (
    organization_id text COLLATE "C" NOT NULL,
    issuer text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    linked_at bigint NOT NULL,
    last_used_at bigint NOT NULL,
    PRIMARY KEY (organization_id, issuer, subject)
);
CREATE INDEX user_identities_user ON user_identities (organization_id, user_id, linked_at, issuer, subject);
