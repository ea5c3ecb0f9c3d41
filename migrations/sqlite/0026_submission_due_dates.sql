-- Submission packages are listed by their due dates, alone and by status.
CREATE INDEX submission_packages_due ON submission_packages (organization_id, due_at, id);
CREATE INDEX submission_packages_status_due ON submission_packages (organization_id, status, due_at, id);
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('submission_packages', 'submission_packages_due', '10000 1000 2 1'),
    ('submission_packages', 'submission_packages_status_due', '10000 1000 300 2 1');
ANALYZE sqlite_schema;
