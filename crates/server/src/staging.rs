//! Staging folders, in which backups and restores build what then appears as a whole.
//!
//! A process that is killed leaves its folder behind. It holds a lock on the folder (`flock`), which the operating system
//! releases however the process ends, so a folder without a lock is abandoned. Process numbers would say less: those of
//! another container mean another process. Since some network file systems lock only within one machine, a folder is
//! removed only if nothing in it has changed for an hour, too.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use tempfile::TempDir;

use crate::{
    failure::{Failure, ResultExt as _},
    files::is_at,
};

/// The prefixes of the names of staging folders.
const PREFIXES: [&str; 2] = [BACKUP, RESTORE];
pub(crate) const BACKUP: &str = ".novantra-backup-";
pub(crate) const RESTORE: &str = ".novantra-restore-";

/// The maximum number of attempts to create a folder, each of which another process may take for abandoned.
const MAX_ATTEMPTS: u32 = 10;

/// The time without a change after which a folder without a lock is removed.
const IDLE_TIME: Duration = Duration::from_secs(60 * 60);

/// A staging folder, which is removed when it is dropped.
pub(crate) struct StagingFolder {
    folder: TempDir,
    /// `None` where folders can't be locked.
    _lock: Option<File>,
}

impl StagingFolder {
    /// Creates a staging folder in `parent`, whose name begins with `prefix`, and removes those that were abandoned
    /// there. Only its owner can use it.
    ///
    /// # Errors
    /// If it can't be created.
    pub(crate) fn create(parent: &Path, prefix: &str) -> Result<Self, Failure> {
        let doing = || format!("can't write to {}", parent.display());
        for _ in 0..MAX_ATTEMPTS {
            let folder = tempfile::Builder::new().prefix(prefix).tempdir_in(parent).context(doing)?;
            let lock = match lock(folder.path()) {
                Lock::Acquired(lock) => Some(lock),
                Lock::Unsupported => None,
                // Another process takes the folder for abandoned, since it was not locked yet.
                Lock::Held => continue,
            };
            // By the clock of the file system.
            let now = folder.path().metadata().and_then(|metadata| metadata.modified()).context(doing)?;
            remove_abandoned(parent, now);
            return Ok(Self { folder, _lock: lock });
        }
        Err(Failure::new(format!("can't lock a folder in {}: another process removes each", parent.display())))
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Returns the staging folders in `parent` that processes have left which were killed.
pub(crate) fn find_abandoned(parent: &Path) -> Vec<PathBuf> {
    let folders = staging_folders(parent);
    folders.into_iter().filter(|folder| matches!(lock(folder), Lock::Acquired(_))).collect()
}

fn remove_abandoned(parent: &Path, now: SystemTime) {
    for folder in staging_folders(parent).into_iter().filter(|folder| is_idle(folder, now)) {
        let Lock::Acquired(_held) = lock(&folder) else { continue };
        let path = folder.display();
        match fs::remove_dir_all(&folder) {
            Ok(()) => tracing::warn!("removed {path}, which a backup or restore that was killed had left"),
            Err(error) => {
                tracing::warn!(%error, "can't remove {path}, which a backup or restore that was killed had left");
            }
        }
    }
}

/// Whether nothing in the folder has changed for a while.
fn is_idle(folder: &Path, now: SystemTime) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut paths = entries.chain([folder.to_owned()]);
    paths.all(|path| {
        let changed = path.symlink_metadata().and_then(|metadata| metadata.modified());
        changed.is_ok_and(|changed| now.duration_since(changed).is_ok_and(|age| age >= IDLE_TIME))
    })
}

fn staging_folders(parent: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let is_staging = |entry: &fs::DirEntry| {
        let name = entry.file_name();
        PREFIXES.iter().any(|prefix| name.to_string_lossy().starts_with(prefix))
            // Links are not followed.
            && entry.file_type().is_ok_and(|kind| kind.is_dir())
    };
    entries.filter(is_staging).map(|entry| entry.path()).collect()
}

/// The result of locking a folder.
enum Lock {
    Acquired(File),
    /// Another process holds the lock, or has just removed the folder.
    Held,
    Unsupported,
}

fn lock(folder: &Path) -> Lock {
    let locked = File::open(folder).and_then(|file| match file.try_lock() {
        Ok(()) => Ok(is_at(&file, folder)?.then_some(file)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(error)) => Err(error),
    });
    match locked {
        Ok(Some(file)) => Lock::Acquired(file),
        Ok(None) => Lock::Held,
        Err(error) if error.kind() == io::ErrorKind::NotFound => Lock::Held,
        Err(_) => Lock::Unsupported,
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    fn a_staging_folder_is_abandoned_once_its_process_has_ended_and_the_next_one_removes_it() {
        let parent = tempfile::tempdir().unwrap();
        let abandoned = parent.path().join(".novantra-backup-0x1yz2");
        fs::create_dir(&abandoned).unwrap();
        fs::write(abandoned.join("novantra.db"), "half a database").unwrap();
        let link = parent.path().join(".novantra-backup-link");
        let elsewhere = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(elsewhere.path(), &link).unwrap();
        assert_eq!(find_abandoned(parent.path()), std::slice::from_ref(&abandoned));

        let recent = StagingFolder::create(parent.path(), BACKUP).unwrap();
        assert!(abandoned.exists(), "it has changed within the hour");
        drop(recent);
        for path in [abandoned.join("novantra.db"), abandoned.clone()] {
            File::open(path).unwrap().set_modified(SystemTime::UNIX_EPOCH).unwrap();
        }
        let first = StagingFolder::create(parent.path(), BACKUP).unwrap();
        assert!(!abandoned.exists());
        let second = StagingFolder::create(parent.path(), RESTORE).unwrap();
        assert!(first.path().exists() && second.path().exists(), "a folder in use is kept");
        assert_eq!(find_abandoned(parent.path()), [] as [PathBuf; 0]);
        let path = first.path().to_owned();
        drop((first, second));
        assert!(!path.exists() && link.exists() && elsewhere.path().exists());
    }
}
