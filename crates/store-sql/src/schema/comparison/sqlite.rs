//! The catalogue of SQLite.

use std::sync::LazyLock;

use kernel::StoreError;

use super::{Object, Schemas};
use crate::{
    engine::{Session, Sql},
    schema::migrations,
};

/// Everything in the schema but the statistics of the planner and the indexes of keys, which have no statement. A unique
/// index refuses rows, so it is not harmless. Tables of triggers and indexes are as whoever made them wrote their names, so
/// they are not read.
static OBJECTS: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "SELECT iif(s.type IN ('table', 'view'), 'relation', s.type), iif(s.type IN ('table', 'view'), s.name, ''), \
         s.name, s.sql, s.type IN ('table', 'view') OR s.type = 'index' AND s.sql LIKE 'create index %' \
         FROM sqlite_schema AS s \
         WHERE s.sql IS NOT NULL AND (s.type <> 'table' OR s.name NOT IN ('sqlite_stat1', 'sqlite_stat4')) \
         UNION ALL \
         SELECT 'column', t.name, c.name, c.type || iif(c.\"notnull\", ' NOT NULL', '') \
         || coalesce(' DEFAULT ' || c.dflt_value, '') || iif(c.hidden, ' GENERATED', ''), 0 \
         FROM sqlite_schema AS t JOIN pragma_table_xinfo(t.name) AS c \
         WHERE t.type = 'table' AND t.name NOT IN ('sqlite_stat1', 'sqlite_stat4')",
    )
});
/// The names of tables, views and columns as [`super::postgres`] reads them.
static NAMES: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "SELECT 'relation', s.name, s.name, s.type, 0 FROM sqlite_schema AS s \
         WHERE s.type IN ('table', 'view') AND s.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' \
         UNION ALL \
         SELECT 'column', t.name, c.name, '', 0 FROM sqlite_schema AS t JOIN pragma_table_info(t.name) AS c \
         WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
    )
});

/// Reads the schema of the session, and the one that the migrations make in memory.
pub(super) async fn schemas(session: &Session) -> Result<Schemas, StoreError> {
    let found = session.fetch(&OBJECTS, &[], Object::read).await?;
    Ok(Schemas { found, expected: migrated(&OBJECTS).await?, limitation: None })
}

/// Returns the names of the tables, views and columns that the migrations make. They are the same on both engines.
pub(super) async fn names() -> Result<Vec<Object>, StoreError> {
    migrated(&NAMES).await
}

async fn migrated(catalogue: &Sql) -> Result<Vec<Object>, StoreError> {
    let memory = Session::in_memory()?;
    migrations::create_schema(&memory).await?;
    memory.fetch(catalogue, &[], Object::read).await
}
