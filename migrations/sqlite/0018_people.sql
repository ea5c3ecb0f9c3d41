-- People: users, and apart from them their credentials, sessions and links that work once. Tokens are stored as hashes.
CREATE TABLE users (
    organization_id text NOT NULL,
    id text NOT NULL,
    revision integer NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    name text NOT NULL,
    email text NOT NULL,
    role text NOT NULL,
    status text NOT NULL,
    timezone text,
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE UNIQUE INDEX users_key ON users (organization_id, email);
CREATE INDEX users_changed ON users (organization_id, updated_at, id);
CREATE TABLE user_credentials (
    organization_id text NOT NULL,
    user_id text NOT NULL,
    version integer NOT NULL,
    password text NOT NULL,
    password_set_at integer NOT NULL,
    second_factor blob,
    second_factor_enrolled_at integer,
    second_factor_last_step integer,
    recovery_codes text NOT NULL,
    PRIMARY KEY (organization_id, user_id)
) STRICT;
CREATE TABLE user_sessions (
    organization_id text NOT NULL,
    id text NOT NULL,
    user_id text NOT NULL,
    token text NOT NULL,
    level text NOT NULL,
    created_at integer NOT NULL,
    authenticated_at integer NOT NULL,
    last_used_at integer NOT NULL,
    expires_at integer NOT NULL,
    source_address text,
    user_agent text,
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE UNIQUE INDEX user_sessions_token ON user_sessions (organization_id, token);
CREATE INDEX user_sessions_user ON user_sessions (organization_id, user_id, last_used_at, id);
-- Maintenance deletes expired sessions and links of all organizations.
CREATE INDEX user_sessions_expiry ON user_sessions (expires_at);
CREATE TABLE user_links (
    organization_id text NOT NULL,
    token text NOT NULL,
    purpose text NOT NULL,
    user_id text,
    created_at integer NOT NULL,
    expires_at integer NOT NULL,
    PRIMARY KEY (organization_id, token)
) STRICT;
CREATE INDEX user_links_user ON user_links (organization_id, user_id);
CREATE INDEX user_links_expiry ON user_links (expires_at);
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('users', 'sqlite_autoindex_users_1', '10000 1000 1'),
    ('users', 'users_key', '10000 1000 1'),
    ('users', 'users_changed', '10000 1000 2 1'),
    ('user_credentials', 'sqlite_autoindex_user_credentials_1', '10000 1000 1'),
    ('user_sessions', 'sqlite_autoindex_user_sessions_1', '20000 2000 1'),
    ('user_sessions', 'user_sessions_token', '20000 2000 1'),
    ('user_sessions', 'user_sessions_user', '20000 2000 2 1 1'),
    ('user_sessions', 'user_sessions_expiry', '20000 2'),
    ('user_links', 'sqlite_autoindex_user_links_1', '1000 100 1'),
    ('user_links', 'user_links_user', '1000 100 1'),
    ('user_links', 'user_links_expiry', '1000 2');
ANALYZE sqlite_schema;
