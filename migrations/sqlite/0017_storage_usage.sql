-- The bytes that are stored outside of the database. The holder is the organization, for the bytes of all of its
-- attachments, each content counted once; or an account, for the attachments that it uploaded and that no claim has yet.

CREATE TABLE storage_usage (
    organization_id text NOT NULL,
    holder_id text NOT NULL,
    bytes integer NOT NULL,
    PRIMARY KEY (organization_id, holder_id)
) STRICT;

INSERT INTO storage_usage (organization_id, holder_id, bytes)
    SELECT organization_id, organization_id, CAST(sum(size) AS integer) FROM evidence_contents
    WHERE object_key IS NOT NULL GROUP BY organization_id;
INSERT INTO storage_usage (organization_id, holder_id, bytes)
    SELECT organization_id, uploaded_by, CAST(sum(size) AS integer) FROM evidence_attachments
    WHERE status = 'unlinked' AND uploaded_by IS NOT NULL GROUP BY organization_id, uploaded_by;
