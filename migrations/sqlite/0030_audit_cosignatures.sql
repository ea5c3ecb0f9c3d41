-- The newest head of a log that each witness has cosigned: a signed note, which is verified whenever it is read.
CREATE TABLE audit_cosignatures (
    organization_id text NOT NULL,
    origin text NOT NULL,
    witness text NOT NULL,
    note blob NOT NULL,
    PRIMARY KEY (organization_id, origin, witness)
) WITHOUT ROWID, STRICT;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('audit_cosignatures', 'audit_cosignatures', '10 10 5 1');
ANALYZE sqlite_schema;
