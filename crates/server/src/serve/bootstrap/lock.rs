//! The lock that allows only one server on a SQLite file. Each of two servers would trust its own caches, which miss
//! the other's writes.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::{Path, PathBuf},
};

use crate::{
    failure::{Failure, ResultExt as _},
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
    pub(crate) fn acquire(database: &Database) -> Result<Self, Failure> {
        let Database::Sqlite(database) = database else { return Ok(Self { _file: None }) };
        Self::try_acquire(database)?.ok_or_else(|| {
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
    pub(crate) fn acquire_for_command(database: &Database) -> Result<Self, Failure> {
        let Database::Sqlite(database) = database else { return Ok(Self { _file: None }) };
        Self::try_acquire(database)?
            .ok_or_else(|| Failure::new(format!("a server runs on {}: stop it first", database.display())))
    }

    /// Acquires the lock, or returns `None` if another process holds it.
    fn try_acquire(database: &Path) -> Result<Option<Self>, Failure> {
        let path = PathBuf::from(format!("{}.server-lock", database.display()));
        let doing = || format!("can't lock {}", path.display());
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).context(|| format!("can't create the folder {}", folder.display()))?;
        }
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).context(doing)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: Some(file) })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error).context(doing),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_server_on_a_sqlite_file_is_refused_until_the_first_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::Sqlite(folder.path().join("made").join("novantra.db"));
        let first = ServerLock::acquire(&database).unwrap();
        assert!(ServerLock::acquire(&database).unwrap_err().to_string().starts_with("another server runs on "));
        let command = ServerLock::acquire_for_command(&database).unwrap_err().to_string();
        assert!(command.starts_with("a server runs on ") && command.ends_with("stop it first"), "{command}");
        drop(first);
        assert!(ServerLock::acquire(&database).is_ok());
    }
}
