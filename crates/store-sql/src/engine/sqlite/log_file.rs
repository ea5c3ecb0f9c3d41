//! The write-ahead log as a file beside its database. SQLite applies whichever log it finds there: to another database,
//! which that corrupts, or to an empty one, for which it deletes the log with all changes in it.

use std::{
    ffi::OsString,
    fs::{self, File},
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use kernel::{StoreError, Timestamp};

use crate::engine::unavailable;

/// The end of the name of a log that was put aside, before its time.
const DISPLACED: &str = ".displaced-";

/// The maximum number of links that are followed from a path to its file.
const MAX_LINKS: usize = 40;

/// Whether the database is missing, or empty. Must be called before SQLite opens anything: it fails if a log lies beside
/// the path that must not be applied to its file.
pub(crate) fn is_missing(database: &Path) -> Result<bool, StoreError> {
    let database = resolve(database);
    let log = beside(&database, "-wal");
    let is_missing = length(&database)? == 0;
    if is_missing && length(&log)? > 0 {
        return Err(unavailable(format!(
            "{} is missing or empty, but its write-ahead log {} still holds changes: put the database back beside it; to \
             begin without these changes, stop all programs that use the database and move the log to another folder",
            database.display(),
            log.display()
        )));
    }
    for aside in displaced_logs(&log)? {
        if length(&aside)? > 0 {
            return Err(unavailable(format!(
                "{} holds changes of a database that was deleted, moved or replaced while it was open: if {} is that \
                 database, rename this log to {}; otherwise move it to another folder, and keep it as long as the \
                 database may be found again",
                aside.display(),
                database.display(),
                log.display()
            )));
        }
    }
    Ok(is_missing)
}

/// Renames a log, so that SQLite applies it to no other database. Returns its new path, which names the time of its last
/// change.
pub(super) fn put_aside(log: &Path) -> io::Result<PathBuf> {
    let changed_at = fs::metadata(log)?.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    let changed_at = Timestamp::from_millis(i64::try_from(changed_at.as_millis()).unwrap_or(i64::MAX));
    // Some file systems allow no colons in names.
    let stem = format!("{DISPLACED}{}", changed_at.to_string().replace(['-', ':'], ""));
    let mut aside = beside(log, &stem);
    let mut number = 1;
    while aside.symlink_metadata().is_ok() {
        number += 1;
        aside = beside(log, &format!("{stem}-{number}"));
    }
    fs::rename(log, &aside)?;
    // Other systems than Unix open no folders.
    if let Ok(folder) = File::open(folder_of(log)) {
        folder.sync_all()?;
    }
    Ok(aside)
}

/// The logs of this name that were put aside, in the order of their names.
fn displaced_logs(log: &Path) -> Result<Vec<PathBuf>, StoreError> {
    let mut prefix = log.file_name().map(OsString::from).unwrap_or_default();
    prefix.push(DISPLACED);
    let folder = folder_of(log);
    let cannot_read = |error| unavailable(format!("can't read the folder {}: {error}", folder.display()));
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(cannot_read)?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(cannot_read)?;
        if entry.file_name().as_encoded_bytes().starts_with(prefix.as_encoded_bytes()) {
            found.push(entry.path());
        }
    }
    found.sort();
    Ok(found)
}

/// The path with all links followed, which need not lead to a file. SQLite follows them before it names the log.
pub(super) fn resolve(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        let Ok(target) = fs::read_link(&path) else { break };
        path = folder_of(&path).join(target);
    }
    path
}

/// The path with this end of its name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.to_owned().into_os_string();
    name.push(suffix);
    PathBuf::from(name)
}

fn folder_of(file: &Path) -> &Path {
    file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The length of the file at the path, 0 if there is none.
fn length(path: &Path) -> Result<u64, StoreError> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(metadata.len()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
        Err(error) => {
            let remedy = match error.kind() {
                ErrorKind::PermissionDenied => "run the program as the user to whom the data belongs",
                _ => "check the path",
            };
            Err(unavailable(format!("can't examine {}: {error}: {remedy}", path.display())))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(database: &Path) -> Option<String> {
        let error = is_missing(database).err()?;
        Some(std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default())
    }

    #[test]
    fn a_log_that_holds_changes_needs_its_database_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let (path, log) = (folder.path().join("open.db"), folder.path().join("open.db-wal"));
        assert!(is_missing(&path).unwrap());
        fs::write(&log, "").unwrap();
        assert_eq!(refusal(&path), None);
        fs::write(&log, "changes").unwrap();
        assert!(refusal(&path).unwrap().contains("still holds changes"));
        fs::write(&path, "").unwrap();
        assert!(refusal(&path).unwrap().contains("still holds changes"));
        fs::write(&path, "pages").unwrap();
        assert!(!is_missing(&path).unwrap());
    }

    #[cfg(unix)]
    #[test]
    fn the_log_of_a_link_whose_database_is_missing_is_found_beside_the_database() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("open.db", folder.path().join("link.db")).unwrap();
        fs::write(folder.path().join("open.db-wal"), "changes").unwrap();
        assert!(refusal(&folder.path().join("link.db")).unwrap().contains("still holds changes"));
    }

    #[test]
    fn logs_that_were_put_aside_keep_their_content_and_are_refused_until_they_are_moved_away() {
        let folder = tempfile::tempdir().unwrap();
        let (path, log) = (folder.path().join("open.db"), folder.path().join("open.db-wal"));
        fs::write(&path, "pages").unwrap();
        let changed_at = UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
        let put_aside_with = |content: &str| {
            fs::write(&log, content).unwrap();
            File::options().write(true).open(&log).unwrap().set_modified(changed_at).unwrap();
            put_aside(&log).unwrap()
        };
        let (first, second) = (put_aside_with("first"), put_aside_with("second"));
        assert!(first.display().to_string().contains("open.db-wal.displaced-20010909T014640"), "{}", first.display());
        for (aside, content) in [(first, "first"), (second, "second")] {
            assert_eq!(fs::read_to_string(&aside).unwrap(), content);
            let text = refusal(&path).unwrap();
            assert!(text.starts_with(&aside.display().to_string()), "{text}");
            fs::remove_file(aside).unwrap();
        }
        assert_eq!(refusal(&path), None);
    }
}
