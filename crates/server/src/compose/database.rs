//! Opening the database that the settings name.

use std::{path::Path, sync::Arc};

use kernel::{Clock, Entropy};
use limits::SharedBuckets;
use secrecy::ExposeSecret;
use store::DynStore;
use store_memory::MemoryStore;
use store_sql::{Database as SqlDatabase, DatabaseUrl, Migration, Role, SqlStore};

use super::Opening;
use crate::{
    clock::{DatabaseClock, SystemClock},
    failure::{Context as _, Failure},
    settings::{Database, Settings},
};

/// A database that is open.
pub(super) struct Opened {
    pub(super) store: Arc<DynStore>,
    /// The clock that goes with it.
    pub(super) clock: Arc<dyn Clock>,
    /// The rate limits of its servers, where it may have several.
    pub(super) buckets: Option<Arc<dyn SharedBuckets>>,
}

/// The store over this database, and what goes with it.
///
/// # Errors
/// Whatever is missing or can't be reached, in words.
pub(super) async fn open(settings: &Settings, opening: Opening, entropy: &dyn Entropy) -> Result<Opened, Failure> {
    let url = match &settings.database {
        Database::Memory if opening.serves() => {
            let clock = Arc::new(SystemClock);
            let store = Arc::new(MemoryStore::new(Arc::clone(&clock) as _));
            return Ok(Opened { store, clock, buckets: None });
        }
        database => url(database, opening.begins())?,
    };
    let sql = connect(&url, settings).await?;
    let clock = clock_of(&url, &sql).await?;
    if migrates(opening, &sql).await? {
        for step in sql.migrate(clock.now()).await? {
            tracing::debug!("the database is at migration {} ({})", step.version, step.name);
        }
    }
    let role = if opening.serves() { Role::Server } else { Role::Tool };
    let process = entropy.ulid(clock.now());
    let store = SqlStore::over(sql, role, Arc::clone(&clock), process).await?;
    let buckets = store.shared_buckets().map(|buckets| Arc::new(buckets) as _);
    Ok(Opened { store: Arc::new(store), clock, buckets })
}

/// Whose time the installation goes by: where several servers may share the database, by the database's.
async fn clock_of(url: &DatabaseUrl, sql: &SqlDatabase) -> Result<Arc<dyn Clock>, Failure> {
    Ok(match url {
        DatabaseUrl::Sqlite(_) => Arc::new(SystemClock),
        DatabaseUrl::Postgres(_) => DatabaseClock::of(sql).await.or_fail(|| "can't open the database".to_owned())?,
    })
}

/// Brings the schema of this database up to date, and says by which steps.
///
/// # Errors
/// Whatever can't be reached or applied.
pub(crate) async fn migrate(settings: &Settings) -> Result<Vec<Migration>, Failure> {
    let sql = connect(&url(&settings.database, true)?, settings).await?;
    let applied = match sql.time().await {
        Ok(now) => sql.migrate(now).await,
        Err(error) => Err(error),
    };
    sql.close().await;
    Ok(applied?)
}

/// The address of the database, which is there or may begin with this.
pub(super) fn url(database: &Database, begins: bool) -> Result<DatabaseUrl, Failure> {
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

async fn connect(url: &DatabaseUrl, settings: &Settings) -> Result<SqlDatabase, Failure> {
    SqlDatabase::open_with(url, &settings.database_options).await.or_fail(|| "can't open the database".to_owned())
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
