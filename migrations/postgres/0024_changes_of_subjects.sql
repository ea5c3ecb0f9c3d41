-- The changes of a record are found however often it was read.
CREATE INDEX audit_entries_change ON audit_entries (organization_id, subject_id, id) WHERE changes <> '[]';
