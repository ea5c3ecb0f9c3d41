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
