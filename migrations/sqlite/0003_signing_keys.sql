-- From when on a key signs: it is published before, so that every server knows it by then.

ALTER TABLE signing_keys ADD COLUMN signs_from integer NOT NULL DEFAULT 0;
UPDATE signing_keys SET signs_from = created_at;
