-- The index by which records are found by the words of their titles and by their keys: a row for each word of a record, the
-- words of each record, and the time up to which the changes of each kind are indexed. A background task keeps it.
CREATE TABLE search_words (
    organization_id text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    word text COLLATE "C" NOT NULL,
    record_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (organization_id, kind, word, record_id)
);
CREATE TABLE search_records (
    organization_id text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    record_id text COLLATE "C" NOT NULL,
    words text COLLATE "C" NOT NULL,
    PRIMARY KEY (organization_id, kind, record_id)
);
CREATE TABLE search_progress (
    organization_id text COLLATE "C" NOT NULL,
    kind text COLLATE "C" NOT NULL,
    as_of bigint NOT NULL,
    PRIMARY KEY (organization_id, kind)
);
