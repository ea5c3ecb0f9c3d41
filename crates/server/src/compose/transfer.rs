//! Copy, backup and restore of the database of an installation.

use std::{path::Path, time::Duration};

use crypto::{KeyFileError, load_master_key};
use kernel::{Clock, Timestamp};
use store_sql::{Database as SqlDatabase, DatabaseOptions, DatabaseUrl, MisplacedTable, PostgresKind};

use super::{
    absence,
    database::{connect_existing, ensure_not_empty, misplaced_tables, url},
};
use crate::{
    clock::SystemClock,
    failure::{Failure, ResultExt as _},
    settings::{Database, Settings},
};

pub(crate) use store_sql::{CopyPurpose, CopySummary, Progress};

/// Maximum duration of a statement: counting or emptying a large table takes long.
const STATEMENT_TIMEOUT: Duration = Duration::from_secs(60 * 60);

/// The schema version and the time of a database copy for a backup.
pub(crate) struct DatabaseBackup {
    pub(crate) schema: i64,
    pub(crate) at: Timestamp,
}

/// The result of a restore.
pub(crate) struct Restored {
    /// The reason why the master key file does not fit the restored database, if it doesn't.
    pub(crate) warning: Option<String>,
}

/// Refuses a source of a copy that does not exist, before anything is created.
///
/// # Errors
/// If the file is missing or empty, or can't be examined.
pub(crate) fn ensure_source_exists(from: &Database) -> Result<(), Failure> {
    match from {
        Database::Sqlite(file) if SqlDatabase::is_missing(file)? => {
            Err(Failure::new(format!("{}: check the path of the source", absence::no_database(file))))
        }
        _ => Ok(()),
    }
}

/// Copies an installation to an empty database. `kind` is that of both databases, if they are no SQLite files.
///
/// # Errors
/// If a database can't be reached, the target is not empty, a distributed target has to place tables differently, or
/// the copy fails. An interrupted copy can be started again.
pub(crate) async fn copy(
    from: &Database,
    to: &Database,
    kind: PostgresKind,
    purpose: CopyPurpose,
    report: &(dyn Fn(Progress) + Sync),
) -> Result<CopySummary, Failure> {
    let source = open(&url(from)?, kind, "the source").await?;
    let copied = copy_from(&source, to, kind, purpose, report).await;
    source.close().await;
    copied
}

async fn copy_from(
    source: &SqlDatabase,
    to: &Database,
    kind: PostgresKind,
    purpose: CopyPurpose,
    report: &(dyn Fn(Progress) + Sync),
) -> Result<CopySummary, Failure> {
    let target = open(&url(to)?, kind, "the target").await?;
    let copied = async {
        let now = target.time().await.context(|| "the target".to_owned())?;
        target.migrate(now).await.context(|| "the target".to_owned())?;
        ensure_tables_are_placed(&target, kind).await?;
        Ok(source.copy_to(&target, now, purpose, report).await?)
    };
    let copied = copied.await;
    target.close().await;
    copied
}

/// Refuses a distributed target whose tables are not distributed yet: with their rows in them, it would take long and
/// block everything else.
async fn ensure_tables_are_placed(target: &SqlDatabase, kind: PostgresKind) -> Result<(), Failure> {
    let misplaced = misplaced_tables(target, &options(kind)).await?.unwrap_or_default();
    if misplaced.is_empty() {
        return Ok(());
    }
    let statements: Vec<String> = misplaced.iter().flat_map(MisplacedTable::statements).collect();
    Err(Failure::new(format!(
        "the target is distributed, but {} of its tables are not placed as they must be: run these statements in it, then \
         copy again: {}",
        misplaced.len(),
        statements.join("; ")
    )))
}

async fn open(url: &DatabaseUrl, kind: PostgresKind, which: &str) -> Result<SqlDatabase, Failure> {
    SqlDatabase::open_with(url, &options(kind)).await.context(|| format!("can't open {which}"))
}

fn options(kind: PostgresKind) -> DatabaseOptions {
    DatabaseOptions { statement_timeout: STATEMENT_TIMEOUT, kind, ..DatabaseOptions::default() }
}

/// Copies the SQLite database of the installation to a file. Other processes may keep reading and writing it.
///
/// # Errors
/// If the database does not exist or can't be copied.
pub(crate) async fn back_up(settings: &Settings, file: &Path) -> Result<DatabaseBackup, Failure> {
    let sql = connect_existing(settings).await?;
    let copied = async {
        ensure_not_empty(&sql, settings).await?;
        let at = SystemClock.now();
        sql.backup_to(file).await.context(|| "can't copy the database".to_owned())?;
        Ok(DatabaseBackup { schema: sql.schema_version().await?, at })
    };
    let copied = copied.await;
    sql.close().await;
    copied
}

/// Checks that no write-ahead log with changes lies beside this path, where a SQLite file is to be restored.
///
/// # Errors
/// If there is one, with the remedy, or if that can't be examined.
pub(crate) fn ensure_no_stray_log(file: &Path) -> Result<(), Failure> {
    SqlDatabase::is_missing(file)?;
    Ok(())
}

/// Checks the SQLite file of a backup, and copies it to the target if that is PostgreSQL. If the target is a SQLite
/// file, the caller moves the backup's file there. `kind` is that of the target, if it is no SQLite file.
/// `master_key_file` is read only to check that it fits.
///
/// # Errors
/// If the file is damaged or of a newer version, or the target database is not empty.
pub(crate) async fn restore(
    file: &Path,
    to: &Database,
    kind: PostgresKind,
    purpose: CopyPurpose,
    master_key_file: &Path,
    report: &(dyn Fn(Progress) + Sync),
) -> Result<Restored, Failure> {
    SqlDatabase::check_integrity(file).await.context(|| "the database of the backup is damaged".to_owned())?;
    let sql = open(&DatabaseUrl::Sqlite(file.to_owned()), kind, "the database of the backup").await?;
    let restored = async {
        let pending = sql.pending_migrations().await?;
        sql.begin_log_generation(SystemClock.now()).await?;
        if let Database::Postgres(_) = to {
            if !pending.is_empty() {
                sql.migrate(SystemClock.now()).await?;
            }
            copy_from(&sql, to, kind, purpose, report).await?;
        } else if purpose == CopyPurpose::Duplicate {
            sql.mark_duplicate(SystemClock.now()).await?;
        }
        Ok(Restored { warning: master_key_warning(master_key_file, sql.master_key_check().await?.as_deref()) })
    };
    let restored = restored.await;
    sql.close().await;
    restored
}

/// Describes the problem if the master key file is missing or does not fit the database. Backups don't contain the key.
fn master_key_warning(file: &Path, check: Option<&str>) -> Option<String> {
    let path = file.display();
    match load_master_key(file) {
        Ok(key) if check.is_none_or(|check| key.has_check_value(check)) => None,
        Ok(_) => Some(format!(
            "the master key in {path} belongs to another installation: replace it with the key of the restored installation"
        )),
        Err(KeyFileError::Unreadable { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            Some(format!("there is no master key at {path}: copy the master key of the restored installation there"))
        }
        Err(error) => Some(error.to_string()),
    }
}
