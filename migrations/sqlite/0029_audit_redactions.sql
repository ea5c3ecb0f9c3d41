-- The number of entries of a log that were redacted. It changes with each redaction, so that no server goes on to show what
-- it has read before.
ALTER TABLE audit_heads ADD COLUMN redacted integer NOT NULL DEFAULT 0;
