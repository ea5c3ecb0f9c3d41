-- The index by which records are found by the words of their titles and by their keys: a row for each word of a record, the
-- words of each record, and the time up to which the changes of each kind are indexed. A background task keeps it.
CREATE TABLE search_words (
    organization_id text NOT NULL,
    kind text NOT NULL,
    word text NOT NULL,
    record_id text NOT NULL,
    PRIMARY KEY (organization_id, kind, word, record_id)
) WITHOUT ROWID, STRICT;
CREATE TABLE search_records (
    organization_id text NOT NULL,
    kind text NOT NULL,
    record_id text NOT NULL,
    words text NOT NULL,
    PRIMARY KEY (organization_id, kind, record_id)
) WITHOUT ROWID, STRICT;
CREATE TABLE search_progress (
    organization_id text NOT NULL,
    kind text NOT NULL,
    as_of integer NOT NULL,
    PRIMARY KEY (organization_id, kind)
) WITHOUT ROWID, STRICT;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('search_words', 'search_words', '7000000 700000 70000 100 1'),
    ('search_records', 'search_records', '1000000 100000 10000 1'),
    ('search_progress', 'search_progress', '300 30 1');
ANALYZE sqlite_schema;
