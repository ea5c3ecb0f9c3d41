//! Installations as wholes: copied to another database, backed up and restored.

use std::{path::Path, time::Duration};

use crypto::{KeyFileError, load_master_key};
use kernel::{Clock, Timestamp};
use store_sql::{Database as SqlDatabase, DatabaseOptions, DatabaseUrl};

use super::database::url;
use crate::{
    clock::SystemClock,
    failure::{Context as _, Failure},
    settings::Database,
};

pub(crate) use store_sql::{Copied, Progress};

/// How long a statement may take: one that counts or empties a large table takes its time.
const STATEMENT: Duration = Duration::from_secs(60 * 60);

/// A copy of a database for a backup.
pub(crate) struct BackedUp {
    pub(crate) schema: i64,
    pub(crate) at: Timestamp,
}

/// A database that a backup was restored to.
pub(crate) struct Restored {
    /// Why its keys can't be opened as things stand.
    pub(crate) doubt: Option<String>,
}

/// Copies an installation to an empty database.
///
/// # Errors
/// What keeps it from being copied; it can be run again.
pub(crate) async fn copy(
    from: &Database,
    to: &Database,
    report: &(dyn Fn(Progress) + Sync),
) -> Result<Copied, Failure> {
    let source = open(&url(from, false)?, "the source").await?;
    let copied = copy_from(&source, to, report).await;
    source.close().await;
    copied
}

async fn copy_from(source: &SqlDatabase, to: &Database, report: &(dyn Fn(Progress) + Sync)) -> Result<Copied, Failure> {
    let target = open(&url(to, true)?, "the target").await?;
    let copied = async {
        let now = target.time().await.or_fail(|| "the target".to_owned())?;
        target.migrate(now).await.or_fail(|| "the target".to_owned())?;
        Ok(source.copy_to(&target, now, report).await?)
    };
    let copied = copied.await;
    target.close().await;
    copied
}

async fn open(url: &DatabaseUrl, which: &str) -> Result<SqlDatabase, Failure> {
    let options = DatabaseOptions { statement_timeout: STATEMENT, ..DatabaseOptions::default() };
    SqlDatabase::open_with(url, &options).await.or_fail(|| format!("can't open {which}"))
}

/// Copies a SQLite database to a file, whoever works with it meanwhile.
///
/// # Errors
/// What keeps it from being copied.
pub(crate) async fn back_up(database: &Database, file: &Path) -> Result<BackedUp, Failure> {
    let sql = open(&url(database, false)?, "the database").await?;
    let copied = async {
        let at = SystemClock.now();
        sql.back_up(file).await.or_fail(|| "can't copy the database".to_owned())?;
        Ok(BackedUp { schema: sql.schema().await?, at })
    };
    let copied = copied.await;
    sql.close().await;
    copied
}

/// Looks at the SQLite file of a backup, and copies it to the database where that is PostgreSQL; where it is a file, its
/// place is to be taken by the one of the backup. `master_key_file` is only looked at.
///
/// # Errors
/// A file that is damaged or too new; a database that is not empty.
pub(crate) async fn restore(
    file: &Path,
    to: &Database,
    master_key_file: &Path,
    report: &(dyn Fn(Progress) + Sync),
) -> Result<Restored, Failure> {
    SqlDatabase::examine(file).await.or_fail(|| "the database of the backup is damaged".to_owned())?;
    let sql = open(&DatabaseUrl::Sqlite(file.to_owned()), "the database of the backup").await?;
    let restored = async {
        let pending = sql.pending_migrations().await?;
        if let Database::Postgres(_) = to {
            if !pending.is_empty() {
                sql.migrate(SystemClock.now()).await?;
            }
            copy_from(&sql, to, report).await?;
        }
        Ok(Restored { doubt: doubt(master_key_file, sql.master_key_check().await?.as_deref()) })
    };
    let restored = restored.await;
    sql.close().await;
    restored
}

/// What is wrong with the file of the master key, which backups don't hold.
fn doubt(file: &Path, check: Option<&str>) -> Option<String> {
    let place = file.display();
    match load_master_key(file) {
        Ok(key) if check.is_none_or(|check| key.has_check_value(check)) => None,
        Ok(_) => Some(format!("the master key in {place} is another installation's: put the right one in its place")),
        Err(KeyFileError::Unreadable { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            Some(format!("there is no master key at {place}: put the installation's there"))
        }
        Err(error) => Some(error.to_string()),
    }
}
