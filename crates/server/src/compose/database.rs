//! Opening of the database that the settings name.

use std::{path::Path, sync::Arc};

use kernel::{Clock, Entropy, StoreError};
use limits::SharedBuckets;
use secrecy::ExposeSecret;
use store::DynStore;
use store_memory::MemoryStore;
use store_sql::{Database as SqlDatabase, DatabaseUrl, Migration, Role, SqlStore};

use super::{OpenMode, absence, identity::renew_duplicate};
use crate::{
    clock::{DatabaseClock, SteadyClock},
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
            let clock = Arc::new(SteadyClock::new());
            let store = Arc::new(MemoryStore::new(Arc::clone(&clock) as _));
            return Ok(OpenedDatabase { store, clock, buckets: None });
        }
        database => {
            if let Database::Sqlite(file) = database
                && mode.begins_only_if_new()
            {
                let description = format!("there is no database at {}", file.display());
                absence::ensure_new(settings, &description, || async { Ok(absence::is_missing(file)) }).await?;
            }
            url(database, mode.creates_missing())?
        }
    };
    let sql = connect(&url, settings).await?;
    match initialize(&sql, settings, mode, entropy).await {
        Ok(clock) => open_store(sql, mode, clock, entropy).await,
        Err(failure) => {
            sql.close().await;
            Err(failure)
        }
    }
}

/// Creates the schema of a new installation, migrates an older one, and renews the identity of a copy. Returns the
/// installation's clock.
async fn initialize(
    sql: &SqlDatabase,
    settings: &Settings,
    mode: OpenMode,
    entropy: &dyn Entropy,
) -> Result<Arc<dyn Clock>, Failure> {
    if matches!(mode, OpenMode::ServeNew | OpenMode::Create) && sql.master_key_check().await?.is_some() {
        return Err(Failure::new("the database already contains an installation: start it with `novantra serve`"));
    }
    if mode.begins_only_if_new() {
        absence::ensure_new(settings, "the database is empty", || is_empty(sql)).await?;
    }
    let clock = clock_for(&settings.database, sql).await?;
    if must_migrate(mode, sql).await? {
        for step in sql.migrate(clock.now()).await? {
            tracing::debug!("the database is at migration {} ({})", step.version, step.name);
        }
    }
    if mode.is_server() {
        renew_duplicate(sql, entropy, clock.now()).await?;
    }
    Ok(clock)
}

async fn open_store(
    sql: SqlDatabase,
    mode: OpenMode,
    clock: Arc<dyn Clock>,
    entropy: &dyn Entropy,
) -> Result<OpenedDatabase, Failure> {
    let role = if mode.is_server() { Role::Server } else { Role::Command };
    let process = entropy.ulid(clock.now());
    let store = SqlStore::open(sql, role, Arc::clone(&clock), process).await?;
    let buckets = store.shared_buckets().map(|buckets| Arc::new(buckets) as _);
    Ok(OpenedDatabase { store: Arc::new(store), clock, buckets })
}

/// Returns the installation's clock: the system's for SQLite, the database's for PostgreSQL, which several servers may
/// share.
async fn clock_for(database: &Database, sql: &SqlDatabase) -> Result<Arc<dyn Clock>, Failure> {
    Ok(match database {
        Database::Memory | Database::Sqlite(_) => Arc::new(SteadyClock::new()),
        Database::Postgres(_) => DatabaseClock::start(sql).await.context(|| "can't open the database".to_owned())?,
    })
}

/// Migrates the database to the current schema and returns the migrations that were applied.
///
/// # Errors
/// If the database can't be reached or a migration fails.
pub(crate) async fn migrate(settings: &Settings) -> Result<Vec<Migration>, Failure> {
    let file = if let Database::Sqlite(file) = &settings.database { Some(file) } else { None };
    if let Some(file) = file.filter(|file| absence::is_missing(file)) {
        let description = format!("there is no database at {}", file.display());
        absence::ensure_new(settings, &description, || async { Ok(absence::is_missing(file)) }).await?;
    }
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

pub(super) async fn connect(url: &DatabaseUrl, settings: &Settings) -> Result<SqlDatabase, Failure> {
    SqlDatabase::open_with(url, &settings.database_options).await.context(|| "can't open the database".to_owned())
}

/// Whether to migrate the schema. A command initializes an empty database, but does not migrate an older one, whose
/// servers still need the old schema.
async fn must_migrate(mode: OpenMode, sql: &SqlDatabase) -> Result<bool, Failure> {
    Ok(match mode {
        OpenMode::Serve | OpenMode::ServeNew | OpenMode::Create => true,
        OpenMode::ServeNoMigrate | OpenMode::Command => false,
        OpenMode::Initialize => is_empty(sql).await?,
    })
}

/// Whether the database has no schema yet.
async fn is_empty(sql: &SqlDatabase) -> Result<bool, StoreError> {
    Ok(sql.pending_migrations().await?.first().is_some_and(|first| first.version == 1))
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
