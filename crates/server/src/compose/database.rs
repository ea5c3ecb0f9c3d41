//! Opening of the database that the settings name.

use std::{path::Path, sync::Arc};

use kernel::{Clock, Entropy};
use limits::SharedBuckets;
use secrecy::ExposeSecret;
use store::DynStore;
use store_memory::MemoryStore;
use store_sql::{Database as SqlDatabase, DatabaseUrl, Migration, Role, SqlStore};

use super::OpenMode;
use crate::{
    clock::{DatabaseClock, SystemClock},
    failure::{Failure, ResultExt as _},
    settings::{Database, Settings},
};

/// An open database.
pub(super) struct OpenedDatabase {
    pub(super) store: Arc<DynStore>,
    /// The clock of the installation.
    pub(super) clock: Arc<dyn Clock>,
    /// The rate limits shared by several servers, if the database supports them.
    pub(super) buckets: Option<Arc<dyn SharedBuckets>>,
}

/// Opens the database with its store and clock.
///
/// # Errors
/// If the database can't be reached or does not exist, or its schema does not fit.
pub(super) async fn open(
    settings: &Settings,
    mode: OpenMode,
    entropy: &dyn Entropy,
) -> Result<OpenedDatabase, Failure> {
    let url = match &settings.database {
        Database::Memory if mode.is_server() => {
            let clock = Arc::new(SystemClock);
            let store = Arc::new(MemoryStore::new(Arc::clone(&clock) as _));
            return Ok(OpenedDatabase { store, clock, buckets: None });
        }
        database => url(database, mode.creates_missing())?,
    };
    let sql = connect(&url, settings).await?;
    let clock = clock_for(&url, &sql).await?;
    if must_migrate(mode, &sql).await? {
        for step in sql.migrate(clock.now()).await? {
            tracing::debug!("the database is at migration {} ({})", step.version, step.name);
        }
    }
    let role = if mode.is_server() { Role::Server } else { Role::Command };
    let process = entropy.ulid(clock.now());
    let store = SqlStore::open(sql, role, Arc::clone(&clock), process).await?;
    let buckets = store.shared_buckets().map(|buckets| Arc::new(buckets) as _);
    Ok(OpenedDatabase { store: Arc::new(store), clock, buckets })
}

/// Returns the installation's clock: the system's for SQLite, the database's for PostgreSQL, which several servers may
/// share.
async fn clock_for(url: &DatabaseUrl, sql: &SqlDatabase) -> Result<Arc<dyn Clock>, Failure> {
    Ok(match url {
        DatabaseUrl::Sqlite(_) => Arc::new(SystemClock),
        DatabaseUrl::Postgres(_) => DatabaseClock::start(sql).await.context(|| "can't open the database".to_owned())?,
    })
}

/// Migrates the database to the current schema and returns the migrations that were applied.
///
/// # Errors
/// If the database can't be reached or a migration fails.
pub(crate) async fn migrate(settings: &Settings) -> Result<Vec<Migration>, Failure> {
    let sql = connect(&url(&settings.database, true)?, settings).await?;
    let applied = match sql.time().await {
        Ok(now) => sql.migrate(now).await,
        Err(error) => Err(error),
    };
    sql.close().await;
    Ok(applied?)
}

/// Returns the URL of the database. A SQLite file must exist unless `create` is set; then its folder is created.
pub(super) fn url(database: &Database, create: bool) -> Result<DatabaseUrl, Failure> {
    match database {
        Database::Memory => {
            Err(Failure::new("a memory: database exists only inside its server process; no command can reach it"))
        }
        Database::Sqlite(file) if !create && !file.exists() => Err(Failure::new(format!(
            "there is no database at {}; the first `novantra serve` creates it",
            file.display()
        ))),
        Database::Sqlite(file) => {
            create_parent_folder(file)?;
            Ok(DatabaseUrl::Sqlite(file.clone()))
        }
        Database::Postgres(url) => Ok(url.expose_secret().parse()?),
    }
}

async fn connect(url: &DatabaseUrl, settings: &Settings) -> Result<SqlDatabase, Failure> {
    SqlDatabase::open_with(url, &settings.database_options).await.context(|| "can't open the database".to_owned())
}

/// Whether to migrate the schema. A command initializes an empty database, but does not migrate an older one, whose
/// servers still need the old schema.
async fn must_migrate(mode: OpenMode, sql: &SqlDatabase) -> Result<bool, Failure> {
    Ok(match mode {
        OpenMode::Serve => true,
        OpenMode::ServeNoMigrate | OpenMode::Command => false,
        OpenMode::Initialize => sql.pending_migrations().await?.first().is_some_and(|first| first.version == 1),
    })
}

/// Creates the folder that contains `file`.
pub(super) fn create_parent_folder(file: &Path) -> Result<(), Failure> {
    match file.parent() {
        Some(folder) => {
            std::fs::create_dir_all(folder).context(|| format!("can't create the folder {}", folder.display()))
        }
        None => Ok(()),
    }
}
