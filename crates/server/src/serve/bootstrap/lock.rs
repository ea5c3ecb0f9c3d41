//! The lock that allows only one server on a SQLite file. Each of two servers would trust its own caches, which miss
//! the other's writes.
//!
//! The database itself is locked, with `flock`, which does not affect the locks of SQLite: a file beside it could be
//! deleted, and would not exist beside another hard link to the database. No second descriptor of the database may be
//! opened and closed while SQLite has it open in the same process, because that would release SQLite's locks; so the
//! lock is acquired before the database is opened, and released after it is closed.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    path::{Path, PathBuf},
};

use crate::{
    failure::{Failure, ResultExt as _},
    files::is_at,
    settings::Database,
};

/// The lock, held as long as the server runs. The operating system releases it when the process ends in any way.
#[derive(Debug)]
pub(crate) struct ServerLock {
    _held: Option<LockedFile>,
}

#[derive(Debug)]
struct LockedFile {
    file: File,
    path: PathBuf,
}

impl ServerLock {
    /// Acquires the lock for a server. Other databases than SQLite files need no lock.
    ///
    /// # Errors
    /// If another server holds the lock.
    pub(crate) fn acquire(database: &Database) -> Result<Self, Failure> {
        let Database::Sqlite(database) = database else { return Ok(Self { _held: None }) };
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
        let Database::Sqlite(database) = database else { return Ok(Self { _held: None }) };
        Self::try_acquire(database)?
            .ok_or_else(|| Failure::new(format!("a server runs on {}: stop it first", database.display())))
    }

    /// Acquires the lock for a command that changes an existing installation. Unlike the others, it creates no file:
    /// where there is none, there is nothing to lock, and the command fails when it opens the database.
    ///
    /// # Errors
    /// If a server holds the lock.
    pub(crate) fn acquire_for_existing(database: &Database) -> Result<Self, Failure> {
        match database {
            Database::Sqlite(file) if !file.exists() => Ok(Self { _held: None }),
            _ => Self::acquire_for_command(database),
        }
    }

    /// Acquires the lock, or returns `None` if another process holds it.
    fn try_acquire(database: &Path) -> Result<Option<Self>, Failure> {
        let path = lock_path(database);
        let doing = || format!("can't lock {}", path.display());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).context(|| format!("can't create the folder {}", folder.display()))?;
        }
        loop {
            let file =
                OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path).context(doing)?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error).context(doing),
            }
            // The previous holder may have removed the file in between.
            if is_at(&file, &path).context(doing)? {
                return Ok(Some(Self { _held: Some(LockedFile { file, path }) }));
            }
        }
    }
}

impl Drop for LockedFile {
    /// Removes a file that is still as empty as this lock has created it: a start that failed leaves no trace.
    fn drop(&mut self) {
        let is_empty_file = |metadata: &fs::Metadata| metadata.is_file() && metadata.len() == 0;
        if fs::symlink_metadata(&self.path).is_ok_and(|metadata| is_empty_file(&metadata))
            && is_at(&self.file, &self.path).unwrap_or(false)
            && let Err(error) = fs::remove_file(&self.path)
        {
            tracing::debug!(%error, "can't remove the empty file {}", self.path.display());
        }
    }
}

/// The file to lock: the database itself.
#[cfg(unix)]
fn lock_path(database: &Path) -> PathBuf {
    database.to_owned()
}

/// The file to lock: one beside the database, since locks of other systems would keep SQLite out.
#[cfg(not(unix))]
fn lock_path(database: &Path) -> PathBuf {
    PathBuf::from(format!("{}.server-lock", database.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sqlite(path: &Path) -> Database {
        Database::Sqlite(path.to_owned())
    }

    #[test]
    fn a_second_server_on_a_sqlite_file_is_refused_until_the_first_has_ended() {
        let folder = tempfile::tempdir().unwrap();
        let database = sqlite(&folder.path().join("made").join("novantra.db"));
        let first = ServerLock::acquire(&database).unwrap();
        assert!(ServerLock::acquire(&database).unwrap_err().to_string().starts_with("another server runs on "));
        let command = ServerLock::acquire_for_command(&database).unwrap_err().to_string();
        assert!(command.starts_with("a server runs on ") && command.ends_with("stop it first"), "{command}");
        drop(first);
        assert!(ServerLock::acquire(&database).is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn a_second_server_is_refused_by_every_name_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let [file, hard, soft] = ["novantra.db", "hard.db", "soft.db"].map(|name| folder.path().join(name));
        fs::write(&file, "a database").unwrap();
        fs::hard_link(&file, &hard).unwrap();
        std::os::unix::fs::symlink(&file, &soft).unwrap();
        let first = ServerLock::acquire(&sqlite(&file)).unwrap();
        for name in [&hard, &soft] {
            assert!(ServerLock::acquire(&sqlite(name)).is_err(), "{}", name.display());
        }
        drop(first);
        assert!(ServerLock::acquire(&sqlite(&hard)).is_ok());
        assert!(file.exists() && hard.exists() && soft.exists());
    }

    #[test]
    fn a_lock_on_a_missing_database_leaves_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("novantra.db");
        drop(ServerLock::acquire(&sqlite(&file)).unwrap());
        assert!(!file.exists());
    }
}
