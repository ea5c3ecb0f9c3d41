-- The newest head of a log that each witness has cosigned: a signed note, which is verified whenever it is read.
CREATE TABLE audit_cosignatures (
    organization_id text COLLATE "C" NOT NULL,
    origin text COLLATE "C" NOT NULL,
    witness text COLLATE "C" NOT NULL,
    note bytea NOT NULL,
    PRIMARY KEY (organization_id, origin, witness)
);
