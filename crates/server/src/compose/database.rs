//! Opening the database that the settings name.

use std::{path::Path, sync::Arc};

use kernel::{Clock, Entropy};
use secrecy::ExposeSecret;
use store::DynStore;
use store_memory::MemoryStore;
use store_sql::{Database as SqlDatabase, DatabaseUrl, Migration, Role, SqlStore};

use super::Opening;
use crate::{
    clock::SystemClock,
    failure::{Context as _, Failure},
    settings::Database,
};

/// The store over this database.
///
/// # Errors
/// Whatever is missing or can't be reached, in words.
pub(super) async fn open(
    database: &Database,
    opening: Opening,
    clock: Arc<dyn Clock>,
    entropy: &dyn Entropy,
) -> Result<Arc<DynStore>, Failure> {
    let url = match database {
        Database::Memory if opening.serves() => return Ok(Arc::new(MemoryStore::new(clock))),
        _ => url(database, opening.begins())?,
    };
    let sql = connect(&url).await?;
    if migrates(opening, &sql).await? {
        for step in sql.migrate(clock.now()).await? {
            tracing::debug!("the database is at migration {} ({})", step.version, step.name);
        }
    }
    let role = if opening.serves() { Role::Server } else { Role::Tool };
    let process = entropy.ulid(clock.now());
    Ok(Arc::new(SqlStore::over(sql, role, clock, process).await?))
}

/// Brings the schema of this database up to date, and says by which steps.
///
/// # Errors
/// Whatever can't be reached or applied.
pub(crate) async fn migrate(database: &Database) -> Result<Vec<Migration>, Failure> {
    let sql = connect(&url(database, true)?).await?;
    let applied = sql.migrate(SystemClock.now()).await;
    sql.close().await;
    Ok(applied?)
}

fn url(database: &Database, begins: bool) -> Result<DatabaseUrl, Failure> {
    match database {
        Database::Memory => Err(Failure::new("a memory: database lives in its server; no command can reach it")),
        Database::Sqlite(file) if !begins && !file.exists() => Err(Failure::new(format!(
            "there is no database at {}; the first `novantra serve` makes it",
            file.display()
        ))),
        Database::Sqlite(file) => {
            make_folder_of(file)?;
            Ok(DatabaseUrl::Sqlite(file.clone()))
        }
        Database::Postgres(url) => Ok(url.expose_secret().parse()?),
    }
}

async fn connect(url: &DatabaseUrl) -> Result<SqlDatabase, Failure> {
    SqlDatabase::open(url).await.or_fail(|| "can't open the database".to_owned())
}

/// Whether to bring the schema up to date. A command begins a new database, but leaves an older one as its servers need it.
async fn migrates(opening: Opening, sql: &SqlDatabase) -> Result<bool, Failure> {
    Ok(match opening {
        Opening::Server => true,
        Opening::ServerWithoutMigration | Opening::Tool => false,
        Opening::Founder => sql.pending_migrations().await?.first().is_some_and(|first| first.version == 1),
    })
}

/// Makes the folder that the file is to be in.
pub(super) fn make_folder_of(file: &Path) -> Result<(), Failure> {
    match file.parent() {
        Some(folder) => {
            std::fs::create_dir_all(folder).or_fail(|| format!("can't make the folder {}", folder.display()))
        }
        None => Ok(()),
    }
}
