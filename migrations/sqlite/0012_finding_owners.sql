-- Lists of findings by owner, and in the order of due dates.

CREATE INDEX findings_owner_member ON findings (organization_id, owner_member_user_id, id)
    WHERE owner_member_user_id IS NOT NULL;
CREATE INDEX findings_owner_member_changed
    ON findings (organization_id, owner_member_user_id, updated_at, id, status, severity, source_kind)
    WHERE owner_member_user_id IS NOT NULL;
CREATE INDEX findings_owner_member_due ON findings (organization_id, owner_member_user_id, due_at, id)
    WHERE owner_member_user_id IS NOT NULL;
CREATE INDEX findings_owner_responsibility ON findings (organization_id, owner_responsibility_id, id)
    WHERE owner_responsibility_id IS NOT NULL;
CREATE INDEX findings_owner_responsibility_changed
    ON findings (organization_id, owner_responsibility_id, updated_at, id, status, severity, source_kind)
    WHERE owner_responsibility_id IS NOT NULL;
CREATE INDEX findings_owner_responsibility_due ON findings (organization_id, owner_responsibility_id, due_at, id)
    WHERE owner_responsibility_id IS NOT NULL;
CREATE INDEX findings_due ON findings (organization_id, due_at, id);
CREATE INDEX findings_status_due ON findings (organization_id, status, due_at, id);

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('findings', 'findings_owner_member', '50000 5000 50 1'),
    ('findings', 'findings_owner_member_changed', '50000 5000 50 2 1 1 1 1'),
    ('findings', 'findings_owner_member_due', '50000 5000 50 5 1'),
    ('findings', 'findings_owner_responsibility', '50000 5000 50 1'),
    ('findings', 'findings_owner_responsibility_changed', '50000 5000 50 2 1 1 1 1'),
    ('findings', 'findings_owner_responsibility_due', '50000 5000 50 5 1'),
    ('findings', 'findings_due', '100000 10000 20 1'),
    ('findings', 'findings_status_due', '100000 10000 1500 10 1');
ANALYZE sqlite_schema;
