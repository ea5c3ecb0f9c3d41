-- Saved views of lists. The slots bound how many a user has, and how many the workspace shares.
CREATE TABLE saved_views (
    organization_id text NOT NULL,
    id text NOT NULL,
    user_id text NOT NULL,
    slot integer NOT NULL,
    shared_slot integer,
    list text NOT NULL,
    name text NOT NULL,
    query text NOT NULL,
    version integer NOT NULL,
    created_at integer NOT NULL,
    updated_at integer NOT NULL,
    PRIMARY KEY (organization_id, id)
) STRICT;
CREATE UNIQUE INDEX saved_views_user ON saved_views (organization_id, user_id, slot);
CREATE UNIQUE INDEX saved_views_shared ON saved_views (organization_id, shared_slot);
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('saved_views', 'sqlite_autoindex_saved_views_1', '2000 200 1'),
    ('saved_views', 'saved_views_user', '2000 200 10 1'),
    ('saved_views', 'saved_views_shared', '2000 200 2');
ANALYZE sqlite_schema;
