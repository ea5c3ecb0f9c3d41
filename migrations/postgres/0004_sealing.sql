-- The sealer asks which organizations have entries that wait, and then for those of one.
CREATE INDEX audit_entries_waiting ON audit_entries (organization_id, id) WHERE sequence IS NULL;
DROP INDEX audit_entries_unsealed;
