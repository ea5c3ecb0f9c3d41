-- The changes of a record are found however often it was read.
CREATE INDEX audit_entries_change ON audit_entries (organization_id, subject_id, id) WHERE changes <> '[]';
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('audit_entries', 'audit_entries_change', '50000 5000 5 1');
ANALYZE sqlite_schema;
