-- What is said of the installation as a whole, a word and its value each.

CREATE TABLE installation (
    key text NOT NULL PRIMARY KEY,
    value text NOT NULL
) WITHOUT ROWID, STRICT;

-- A program that knows no migration from this one on does not understand the database: it is not to serve it.
INSERT INTO installation (key, value) VALUES ('oldest_schema', '2');
