//! The lock that allows only one server on a SQLite file. Each of two servers would trust its own caches, which miss
//! the other's writes.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::{Path, PathBuf},
};

use crate::{
    failure::{Context as _, Failure},
    settings::Database,
};

/// The lock, held as long as the server runs. The operating system releases it when the process ends in any way.
#[derive(Debug)]
pub(crate) struct ServerLock {
    _file: Option<File>,
}

impl ServerLock {
    /// Acquires the lock for a server, by a lock file beside the database's file. Other databases need no lock.
    ///
    /// # Errors
    /// If another server holds the lock.
    pub(crate) fn take(database: &Database) -> Result<Self, Failure> {
        let Database::Sqlite(database) = database else { return Ok(Self { _file: None }) };
        Self::of(database)?.ok_or_else(|| {
            Failure::new(format!(
                "another server runs on {}; only servers on PostgreSQL can share a database",
                database.display()
            ))
        })
    }

    /// Acquires the lock for a command during which no server may run.
    ///
    /// # Errors
    /// If a server holds the lock.
    pub(crate) fn take_from_servers(database: &Database) -> Result<Self, Failure> {
        let Database::Sqlite(database) = database else { return Ok(Self { _file: None }) };
        Self::of(database)?
            .ok_or_else(|| Failure::new(format!("a server runs on {}: stop it first", database.display())))
    }

    /// Acquires the lock, or returns `None` if another process holds it.
    fn of(database: &Path) -> Result<Option<Self>, Failure> {
        let path = PathBuf::from(format!("{}.server-lock", database.display()));
        let doing = || format!("can't lock {}", path.display());
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).or_fail(|| format!("can't create the folder {}", folder.display()))?;
        }
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).or_fail(doing)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: Some(file) })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error).or_fail(doing),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_server_on_one_sqlite_file_is_refused_until_the_first_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::Sqlite(folder.path().join("made").join("novantra.db"));
        let first = ServerLock::take(&database).unwrap();
        assert!(ServerLock::take(&database).unwrap_err().to_string().starts_with("another server runs on "));
        let command = ServerLock::take_from_servers(&database).unwrap_err().to_string();
        assert!(command.starts_with("a server runs on ") && command.ends_with("stop it first"), "{command}");
        drop(first);
        assert!(ServerLock::take(&database).is_ok());
    }
}
