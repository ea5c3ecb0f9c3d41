-- Submission packages are listed by their due dates, alone and by status.
CREATE INDEX submission_packages_due ON submission_packages (organization_id, due_at, id);
CREATE INDEX submission_packages_status_due ON submission_packages (organization_id, status, due_at, id);
