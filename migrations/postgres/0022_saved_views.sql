-- Saved views of lists. The slots bound how many a user has, and how many the workspace shares.
CREATE TABLE saved_views (
    organization_id text COLLATE "C" NOT NULL,
    id text COLLATE "C" NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    slot bigint NOT NULL,
    shared_slot bigint,
    list text COLLATE "C" NOT NULL,
    name text COLLATE "C" NOT NULL,
    query text COLLATE "C" NOT NULL,
    version bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    PRIMARY KEY (organization_id, id)
);
CREATE UNIQUE INDEX saved_views_user ON saved_views (organization_id, user_id, slot);
CREATE UNIQUE INDEX saved_views_shared ON saved_views (organization_id, shared_slot);
