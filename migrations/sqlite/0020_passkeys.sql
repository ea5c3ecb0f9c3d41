-- Passkeys of users, as a JSON array beside their other credentials: one version guards them all.
ALTER TABLE user_credentials ADD COLUMN passkeys text NOT NULL DEFAULT '[]';
