//! Imports of uploaded tables, and the parts of their files.

use std::sync::LazyLock;

use async_trait::async_trait;
use kernel::{Id, OrganizationId, StoreError, Timestamp};
use store::{MAX_TABLE_IMPORTS, StoredTableImport, TableImportId, TableImports};
use ulid::Ulid;

use super::SqlStore;
use crate::{
    engine::{RowReader, Session, Sql, Value, column_list},
    schema::tables::TABLE_IMPORTS,
};

static COUNT: LazyLock<Sql> =
    LazyLock::new(|| Sql::from_text("SELECT count(*) FROM table_imports WHERE organization_id = ?"));
static INSERT: LazyLock<Sql> = LazyLock::new(|| {
    let columns = columns();
    Sql::from_text(&format!("INSERT INTO table_imports ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"))
});
static SELECT: LazyLock<Sql> = LazyLock::new(|| {
    let columns = columns();
    Sql::from_text(&format!("SELECT {columns} FROM table_imports WHERE organization_id = ? AND id = ?"))
});
static LIST: LazyLock<Sql> = LazyLock::new(|| {
    let columns = columns();
    Sql::from_text(&format!("SELECT {columns} FROM table_imports WHERE organization_id = ? ORDER BY id DESC LIMIT ?"))
});
static UPDATE: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "UPDATE table_imports SET version = ?, document = ?, updated_at = ?, expires_at = ? \
         WHERE organization_id = ? AND id = ? AND version = ?",
    )
});
static INSERT_PART: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text("INSERT INTO table_import_parts (organization_id, import_id, part, bytes) VALUES (?, ?, ?, ?)")
});
static SELECT_PART: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text("SELECT bytes FROM table_import_parts WHERE organization_id = ? AND import_id = ? AND part = ?")
});
static EXPIRED: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "SELECT organization_id, id FROM table_imports WHERE expires_at <= ? ORDER BY expires_at, organization_id, id \
         LIMIT ?",
    )
});
/// The parts go first: their import is what finds them.
static DELETE: LazyLock<[Sql; 2]> = LazyLock::new(|| {
    [
        "DELETE FROM table_import_parts WHERE organization_id = ? AND import_id = ?",
        "DELETE FROM table_imports WHERE organization_id = ? AND id = ?",
    ]
    .map(Sql::from_text)
});

fn columns() -> String {
    column_list("", TABLE_IMPORTS.columns.iter().map(|column| column.name))
}

fn read(cells: &mut RowReader<'_>) -> Result<StoredTableImport, StoreError> {
    Ok(StoredTableImport {
        organization: cells.id()?,
        id: cells.id()?,
        user: cells.id()?,
        version: cells.int()?,
        document: cells.text()?.to_owned(),
        created_at: cells.time()?,
        updated_at: cells.time()?,
        expires_at: cells.time()?,
    })
}

async fn delete(session: &Session, organization: OrganizationId, id: Ulid) -> Result<bool, StoreError> {
    let key = [organization.into(), id.into()];
    let mut deleted = 0;
    for statement in &*DELETE {
        deleted = session.execute(statement, &key).await?;
    }
    Ok(deleted > 0)
}

#[async_trait]
impl TableImports for SqlStore {
    async fn add_table_import(&self, import: &StoredTableImport) -> Result<bool, StoreError> {
        self.engine
            .write(import.clone(), |import, session| {
                Box::pin(async move {
                    let organization = import.organization.into();
                    let stored = session.fetch_one(&COUNT, &[organization], |cells| cells.int()).await?;
                    if stored
                        .is_none_or(|stored| usize::try_from(stored).is_ok_and(|stored| stored >= MAX_TABLE_IMPORTS))
                    {
                        return Ok(false);
                    }
                    let values = [
                        import.organization.into(),
                        import.id.into(),
                        import.user.into(),
                        import.version.into(),
                        Value::text(&import.document),
                        import.created_at.into(),
                        import.updated_at.into(),
                        import.expires_at.into(),
                    ];
                    session.execute(&INSERT, &values).await.map(|_| true)
                })
            })
            .await
    }

    async fn table_import(
        &self,
        organization: OrganizationId,
        id: Id<TableImportId>,
    ) -> Result<Option<StoredTableImport>, StoreError> {
        let values: [Value<'static>; 2] = [organization.into(), id.into()];
        self.engine.read_point(values, |values, session| Box::pin(session.fetch_one(&SELECT, values, read))).await
    }

    async fn table_imports(&self, organization: OrganizationId) -> Result<Vec<StoredTableImport>, StoreError> {
        let values: [Value<'static>; 2] = [organization.into(), Value::limit(MAX_TABLE_IMPORTS)];
        self.engine.read(values, |values, session| Box::pin(session.fetch(&LIST, values, read))).await
    }

    async fn update_table_import(&self, import: &StoredTableImport) -> Result<bool, StoreError> {
        self.engine
            .write(import.clone(), |import, session| {
                Box::pin(async move {
                    let values = [
                        import.version.into(),
                        Value::text(&import.document),
                        import.updated_at.into(),
                        import.expires_at.into(),
                        import.organization.into(),
                        import.id.into(),
                        (import.version - 1).into(),
                    ];
                    session.execute(&UPDATE, &values).await.map(|updated| updated == 1)
                })
            })
            .await
    }

    async fn add_table_part(
        &self,
        organization: OrganizationId,
        import: Id<TableImportId>,
        part: i64,
        bytes: Vec<u8>,
    ) -> Result<(), StoreError> {
        let values: [Value<'static>; 4] = [organization.into(), import.into(), part.into(), bytes.into()];
        self.engine.write(values, |values, session| Box::pin(session.execute(&INSERT_PART, values))).await.map(drop)
    }

    async fn table_part(
        &self,
        organization: OrganizationId,
        import: Id<TableImportId>,
        part: i64,
    ) -> Result<Option<Vec<u8>>, StoreError> {
        let values: [Value<'static>; 3] = [organization.into(), import.into(), part.into()];
        let bytes = |cells: &mut RowReader<'_>| cells.blob().map(<[u8]>::to_vec);
        self.engine
            .read_point(values, move |values, session| Box::pin(session.fetch_one(&SELECT_PART, values, bytes)))
            .await
    }

    async fn delete_table_import(
        &self,
        organization: OrganizationId,
        id: Id<TableImportId>,
    ) -> Result<bool, StoreError> {
        let key = (organization, id.ulid());
        self.engine.write(key, |(organization, id), session| Box::pin(delete(session, *organization, *id))).await
    }

    async fn delete_expired_table_imports(&self, now: Timestamp, limit: usize) -> Result<u64, StoreError> {
        let values: [Value<'static>; 2] = [now.into(), Value::limit(limit)];
        self.engine
            .write(values, |values, session| {
                Box::pin(async move {
                    let key = |cells: &mut RowReader<'_>| Ok((cells.id()?, cells.ulid()?));
                    let expired: Vec<(OrganizationId, Ulid)> = session.fetch(&EXPIRED, values, key).await?;
                    for (organization, id) in &expired {
                        delete(session, *organization, *id).await?;
                    }
                    Ok(expired.len() as u64)
                })
            })
            .await
    }
}
