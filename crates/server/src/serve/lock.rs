//! One server on one SQLite file: two would each think the file their own, and their view of standing fresh.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::{Path, PathBuf},
};

use crate::{
    failure::{Context as _, Failure},
    settings::Database,
};

/// Held as long as the server runs; the system lets go of it however the process ends.
#[derive(Debug)]
pub(crate) struct ServerLock {
    _file: Option<File>,
}

impl ServerLock {
    /// Takes the lock beside the database's file. Databases that are made for several servers have none.
    ///
    /// # Errors
    /// When another server has it.
    pub(crate) fn take(database: &Database) -> Result<Self, Failure> {
        let Database::Sqlite(database) = database else { return Ok(Self { _file: None }) };
        Self::of(database)?.ok_or_else(|| {
            Failure::new(format!(
                "another server runs on {}; several servers share PostgreSQL, not a SQLite file",
                database.display()
            ))
        })
    }

    /// The same for a command that no server may run beside.
    ///
    /// # Errors
    /// When a server has it.
    pub(crate) fn take_from_servers(database: &Database) -> Result<Self, Failure> {
        let Database::Sqlite(database) = database else { return Ok(Self { _file: None }) };
        Self::of(database)?
            .ok_or_else(|| Failure::new(format!("a server runs on {}: stop it first", database.display())))
    }

    /// None where somebody has it.
    fn of(database: &Path) -> Result<Option<Self>, Failure> {
        let path = PathBuf::from(format!("{}.server-lock", database.display()));
        let doing = || format!("can't lock {}", path.display());
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).or_fail(|| format!("can't make the folder {}", folder.display()))?;
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
