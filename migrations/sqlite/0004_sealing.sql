-- The sealer asks which organizations have entries that wait, and then for those of one.
CREATE INDEX audit_entries_waiting ON audit_entries (organization_id, id) WHERE sequence IS NULL;
DROP INDEX audit_entries_unsealed;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('audit_entries', 'audit_entries_waiting', '100 10 1');
ANALYZE sqlite_schema;
