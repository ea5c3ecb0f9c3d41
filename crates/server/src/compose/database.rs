//! Opening of the database that the settings name.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use kernel::{Clock, Entropy, StoreError};
use limits::SharedBuckets;
use secrecy::ExposeSecret;
use store::DynStore;
use store_memory::MemoryStore;
use store_sql::{
    Database as SqlDatabase, DatabaseOptions, DatabaseUrl, Migration, MisplacedTable, PostgresKind, Role,
    SchemaComparison, SqlStore,
};

use super::{OpenMode, absence};
use crate::{
    clock::{DatabaseClock, SteadyClock, spawn_anchors},
    failure::{Failure, ResultExt as _},
    settings::{Database, Settings},
};

/// An open database.
pub(super) struct OpenedDatabase {
    pub(super) store: Arc<DynStore>,
    /// The same database without its store, unless it is in memory.
    pub(super) sql: Option<SqlDatabase>,
    /// The clock of the installation, which the store follows.
    pub(super) clock: Arc<dyn Clock>,
    /// The clock that shows the present in any case.
    pub(super) present: Arc<dyn Clock>,
    /// The rate limits shared by several servers, if the database supports them.
    pub(super) buckets: Option<Arc<dyn SharedBuckets>>,
}

/// Opens the database with its store and clock. `clock_of_store` may put another clock in the place of the installation's.
///
/// # Errors
/// If the database can't be reached or does not exist, or its schema does not fit.
pub(super) async fn open(
    settings: &Settings,
    mode: OpenMode,
    entropy: &dyn Entropy,
    clock_of_store: impl FnOnce(Arc<dyn Clock>) -> Arc<dyn Clock>,
) -> Result<OpenedDatabase, Failure> {
    let sql = match &settings.database {
        Database::Memory if mode.is_server() => {
            let present: Arc<dyn Clock> = Arc::new(SteadyClock::new());
            let clock = clock_of_store(Arc::clone(&present));
            let store = Arc::new(MemoryStore::new(Arc::clone(&clock)));
            return Ok(OpenedDatabase { store, sql: None, clock, present, buckets: None });
        }
        _ if !mode.creates_missing() => connect_existing(settings).await?,
        database => {
            if let Database::Sqlite(file) = database
                && mode.begins_only_if_new()
            {
                let is_missing = || async { SqlDatabase::is_missing(file) };
                absence::ensure_new(settings, &absence::no_database(file), is_missing).await?;
            }
            connect(&url(database)?, settings).await?
        }
    };
    match initialize(&sql, settings, mode).await {
        Ok(present) => open_store(sql, mode, clock_of_store(Arc::clone(&present)), present, entropy).await,
        Err(failure) => {
            sql.close().await;
            Err(failure)
        }
    }
}

/// Creates the schema of a new installation, and migrates an older one. Returns the installation's clock.
async fn initialize(sql: &SqlDatabase, settings: &Settings, mode: OpenMode) -> Result<Arc<dyn Clock>, Failure> {
    if matches!(mode, OpenMode::ServeNew | OpenMode::Create) && sql.master_key_check().await?.is_some() {
        return Err(Failure::new("the database already contains an installation: start it with `novantra serve`"));
    }
    if mode.begins_only_if_new() {
        absence::ensure_new(settings, absence::EMPTY, || is_empty(sql)).await?;
    }
    if !mode.creates_missing() {
        ensure_not_empty(sql, settings).await?;
    }
    let clock = clock_for(&settings.database, sql).await?;
    if must_migrate(mode, sql).await? {
        for step in sql.migrate(clock.now()).await? {
            tracing::debug!("the database is at migration {} ({})", step.version, step.name);
        }
    }
    if mode.is_server() {
        // Before anything is read or written that an older schema does not have.
        sql.ensure_current().await?;
        // One line for all tables: of several from one place, the log keeps only the first few.
        let misplaced = misplaced_tables(sql, &settings.database_options).await?.unwrap_or_default();
        if !misplaced.is_empty() {
            let lines: Vec<String> =
                misplaced.iter().map(|table| format!("{table}: run {}", table.statements().join("; "))).collect();
            tracing::warn!("tables of the distributed database are placed wrongly: {}", lines.join(". "));
        }
        spawn_anchors(&clock, sql);
    }
    Ok(clock)
}

async fn open_store(
    sql: SqlDatabase,
    mode: OpenMode,
    clock: Arc<dyn Clock>,
    present: Arc<dyn Clock>,
    entropy: &dyn Entropy,
) -> Result<OpenedDatabase, Failure> {
    let role = if mode.is_server() { Role::Server } else { Role::Command };
    let process = entropy.ulid(clock.now());
    let store = SqlStore::open(sql.clone(), role, Arc::clone(&clock), process).await?;
    let buckets = store.shared_buckets().map(|buckets| Arc::new(buckets) as _);
    Ok(OpenedDatabase { store: Arc::new(store), sql: Some(sql), clock, present, buckets })
}

/// Returns the installation's clock: the system's for SQLite, the database's for PostgreSQL, which several servers may
/// share.
pub(super) async fn clock_for(database: &Database, sql: &SqlDatabase) -> Result<Arc<dyn Clock>, Failure> {
    Ok(match database {
        Database::Memory => Arc::new(SteadyClock::new()),
        Database::Sqlite(_) => Arc::new(SteadyClock::start(sql).await?),
        Database::Postgres(_) => DatabaseClock::start(sql).await.context(|| "can't open the database".to_owned())?,
    })
}

/// The result of migrating a database.
pub(crate) struct Migrated {
    pub(crate) applied: Vec<Migration>,
    /// The SQLite file, if it did not exist before.
    pub(crate) created: Option<PathBuf>,
    /// The tables that a distributed database has to place differently.
    pub(crate) misplaced: Vec<MisplacedTable>,
}

/// Migrates the database to the current schema. A SQLite file is created, but not its folder: a folder that does not
/// exist is more likely misspelled than new.
///
/// # Errors
/// If the database can't be reached, its folder does not exist, it is missing where an installation exists, or a
/// migration fails.
pub(crate) async fn migrate(settings: &Settings) -> Result<Migrated, Failure> {
    let created = match &settings.database {
        Database::Sqlite(file) if SqlDatabase::is_missing(file)? => {
            ensure_folder_exists(file)?;
            let is_missing = || async { SqlDatabase::is_missing(file) };
            absence::ensure_new(settings, &absence::no_database(file), is_missing).await?;
            Some(file.clone())
        }
        _ => None,
    };
    let sql = connect(&url(&settings.database)?, settings).await?;
    let migrated = async {
        absence::ensure_new(settings, absence::EMPTY, || is_empty(&sql)).await?;
        let now = clock_for(&settings.database, &sql).await?.now();
        let applied = sql.migrate(now).await?;
        let misplaced = misplaced_tables(&sql, &settings.database_options).await?.unwrap_or_default();
        Ok(Migrated { applied, created, misplaced })
    };
    let migrated = migrated.await;
    sql.close().await;
    migrated
}

fn ensure_folder_exists(file: &Path) -> Result<(), Failure> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if folder.is_dir() {
        return Ok(());
    }
    Err(Failure::new(format!(
        "there is no folder {}: check the path of the database, or create the folder if the database is a new one",
        folder.display()
    )))
}

/// Returns the tables that a distributed database has to place differently. `None` if the database is not distributed.
///
/// # Errors
/// If the database can't be reached.
pub(super) async fn misplaced_tables(
    sql: &SqlDatabase,
    options: &DatabaseOptions,
) -> Result<Option<Vec<MisplacedTable>>, Failure> {
    if options.kind == PostgresKind::Single { Ok(None) } else { Ok(sql.misplaced_tables().await?) }
}

/// Opens the database only to find the tables that it has to place differently, as [`misplaced_tables`].
///
/// # Errors
/// If the database can't be reached or does not exist.
pub(crate) async fn find_misplaced_tables(settings: &Settings) -> Result<Option<Vec<MisplacedTable>>, Failure> {
    let sql = connect_existing(settings).await?;
    let misplaced = misplaced_tables(&sql, &settings.database_options).await;
    sql.close().await;
    misplaced
}

/// Opens the database only to compare its schema with the migrations.
///
/// # Errors
/// If the database can't be read or does not exist, or lacks migrations.
pub(crate) async fn compare_schema(settings: &Settings) -> Result<SchemaComparison, Failure> {
    let sql = connect_existing(settings).await?;
    let comparison = sql.compare_schema(settings.database_options.kind).await;
    sql.close().await;
    Ok(comparison?)
}

/// Opens the database of the installation, whose SQLite file must exist.
///
/// # Errors
/// If it does not, or can't be opened, or the database is in memory.
pub(super) async fn connect_existing(settings: &Settings) -> Result<SqlDatabase, Failure> {
    let url = match &settings.database {
        Database::Sqlite(file) if SqlDatabase::is_missing(file)? => {
            return Err(absence::missing_installation(settings, &absence::no_database(file)));
        }
        Database::Sqlite(file) => DatabaseUrl::Sqlite(file.clone()),
        database => url(database)?,
    };
    let opened = SqlDatabase::open_existing(&url, &settings.database_options).await;
    opened.context(|| "can't open the database".to_owned())
}

/// Returns the URL of the database. The folder of a SQLite file is created.
pub(super) fn url(database: &Database) -> Result<DatabaseUrl, Failure> {
    match database {
        Database::Memory => {
            Err(Failure::new("a memory: database exists only inside its server process; no command can reach it"))
        }
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
        OpenMode::Serve | OpenMode::ServeNew | OpenMode::Create => true,
        OpenMode::ServeNoMigrate | OpenMode::Command => false,
        OpenMode::Initialize => is_empty(sql).await?,
    })
}

/// Refuses a database without a schema, for a program that needs an installation.
pub(super) async fn ensure_not_empty(sql: &SqlDatabase, settings: &Settings) -> Result<(), Failure> {
    if is_empty(sql).await? { Err(absence::missing_installation(settings, absence::EMPTY)) } else { Ok(()) }
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
