-- People: users, and apart from them their credentials, sessions and links that work once. Tokens are stored as hashes.
CREATE TABLE users (
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    revision bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    name text COLLATE "C" NOT NULL,
    email text COLLATE "C" NOT NULL,
    role text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    timezone text COLLATE "C",
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX users_key ON users (organization_id, email);
CREATE INDEX users_changed ON users (organization_id, updated_at, id);
CREATE TABLE user_credentials (
    organization_id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    password text COLLATE "C" NOT NULL,
    password_set_at bigint NOT NULL,
    second_factor bytea,
    second_factor_enrolled_at bigint,
    second_factor_last_step bigint,
    recovery_codes text COLLATE "C" NOT NULL,
    PRIMARY KEY (organization_id, user_id)
);
CREATE TABLE user_sessions (
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    token text COLLATE "C" NOT NULL,
    level text COLLATE "C" NOT NULL,
    created_at bigint NOT NULL,
    authenticated_at bigint NOT NULL,
    last_used_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    source_address text COLLATE "C",
    user_agent text COLLATE "C",
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX user_sessions_token ON user_sessions (organization_id, token);
CREATE INDEX user_sessions_user ON user_sessions (organization_id, user_id, last_used_at, id);
-- Maintenance deletes expired sessions and links of all organizations.
CREATE INDEX user_sessions_expiry ON user_sessions (expires_at);
CREATE TABLE user_links (
    organization_id text COLLATE "C" NOT NULL,
    token text COLLATE "C" NOT NULL,
    purpose text COLLATE "C" NOT NULL,
    user_id text COLLATE "C",
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    PRIMARY KEY (organization_id, token)
);
CREATE INDEX user_links_user ON user_links (organization_id, user_id);
CREATE INDEX user_links_expiry ON user_links (expires_at);
