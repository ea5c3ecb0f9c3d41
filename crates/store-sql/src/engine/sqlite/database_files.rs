//! The files of an open database, which somebody may delete, move or replace while it is open. SQLite then goes on with
//! the files that it has opened, and whatever it writes is lost when the process ends, or damages what another process
//! finds at the path.

use std::{
    fs::{self, Metadata},
    io::{self, ErrorKind, Read as _},
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use kernel::StoreError;

use super::{
    damage::{Damage, Displaced},
    log_file::{self, beside},
};
use crate::engine::unavailable;

/// The first bytes of a write-ahead log (<https://sqlite.org/fileformat2.html#walformat>); the fourth states the byte order.
const LOG_MAGIC: [u8; 3] = [0x37, 0x7f, 0x06];

/// The files of a database, as they were when it was opened.
pub(super) struct DatabaseFiles {
    database: OpenedFile,
    /// The write-ahead log and its index. SQLite creates them when the database is opened, and deletes them only when
    /// the last process closes it.
    logs: [OpenedFile; 2],
    /// The greatest length of the database that was seen. It never shrinks, because nothing vacuums it.
    length: AtomicU64,
    damage: Damage,
    /// Whether the last check found a file displaced.
    is_displaced: AtomicBool,
}

/// The file that was at the path when the database was opened.
struct OpenedFile {
    path: PathBuf,
    id: FileId,
}

/// The state of a path since then.
enum FileState {
    Unchanged,
    Missing,
    Replaced,
    Unreadable(io::Error),
}

const MOVE_BACK: &str = "move it back, or stop all programs that use it, restore a backup, and start them again; when they \
                         stop they rename its write-ahead log to one with the ending -wal.displaced-TIME, so that its \
                         changes get into no other database";
const RESTART: &str = "stop all programs that use the database, and start them again";

impl DatabaseFiles {
    /// Identifies the files at the path, where a connection must be open.
    pub(super) fn identify(path: &Path) -> Result<Self, StoreError> {
        let identify = |path: PathBuf| {
            let id = fs::metadata(&path).map(|metadata| file_id(&metadata));
            id.map(|id| OpenedFile { path: path.clone(), id })
                .map_err(|error| unavailable(format!("can't examine {}: {error}", path.display())))
        };
        // SQLite resolves links before it names the log.
        let resolved = fs::canonicalize(path).map_err(unavailable)?;
        Ok(Self {
            database: identify(path.to_owned())?,
            logs: [identify(beside(&resolved, "-wal"))?, identify(beside(&resolved, "-shm"))?],
            length: AtomicU64::new(0),
            damage: Damage::new(path),
            is_displaced: AtomicBool::new(false),
        })
    }

    /// The path of the database.
    pub(super) fn path(&self) -> &Path {
        &self.database.path
    }

    /// The damage of the database, which its connections report.
    pub(super) fn damage(&self) -> &Damage {
        &self.damage
    }

    /// Whether the log is shorter than this length, which its index implies, or was shorter before a write extended it
    /// again: it has no header then.
    pub(super) fn is_log_shorter(&self, required: u64) -> bool {
        let log = &self.logs[0];
        log.length().is_some_and(|length| length < required || required > 0 && !log.begins_with_log_header())
    }

    /// Records that the log is shorter.
    pub(super) fn record_short_log(&self, required: u64) -> Displaced {
        self.damage
            .record(&self.logs[0].path, format!("was shortened to less than the {required} bytes that were written"))
    }

    /// Renames the log if its database is not at its path any more, so that another database that is put there does not
    /// get its changes. Returns the new path. A log of another process stays.
    pub(super) fn put_log_aside(&self) -> io::Result<Option<PathBuf>> {
        let log = &self.logs[0];
        let is_gone = matches!(self.database.state(), FileState::Missing | FileState::Replaced);
        if is_gone && matches!(log.state(), FileState::Unchanged) {
            log_file::put_aside(&log.path).map(Some)
        } else {
            Ok(None)
        }
    }

    /// Checks that the files that were opened are still those at their paths.
    pub(super) fn check(&self) -> Result<(), Displaced> {
        let result = self.find_displaced().map_or(Ok(()), Err);
        self.is_displaced.store(result.is_err(), Ordering::Relaxed);
        result
    }

    /// The same, for a read: it relies on the check before the last write as long as that found nothing, because it
    /// loses nothing.
    pub(super) fn check_for_read(&self) -> Result<(), StoreError> {
        if self.is_displaced.load(Ordering::Relaxed) || self.damage.is_found() {
            self.check().map_err(unavailable)
        } else {
            Ok(())
        }
    }

    fn find_displaced(&self) -> Option<Displaced> {
        if let Some(damage) = self.damage.displaced() {
            return Some(damage);
        }
        if let Some(change) = self.database.state().change() {
            let path = self.database.path.clone();
            return Some(Displaced { path, change, remedy: MOVE_BACK, is_recoverable: false });
        }
        if let Some(damage) = self.find_shortened() {
            return Some(damage);
        }
        let states = [self.logs[0].state(), self.logs[1].state()];
        let is_recoverable = states.iter().all(|state| matches!(state, FileState::Unchanged | FileState::Missing));
        let changes = self.logs.iter().zip(&states);
        changes
            .filter_map(|(file, state)| state.change().map(|change| (file, change)))
            .map(|(file, change)| Displaced { path: file.path.clone(), change, remedy: RESTART, is_recoverable })
            .next()
    }

    /// Finds that the database was overwritten in place by a shorter one.
    fn find_shortened(&self) -> Option<Displaced> {
        // Read before the length of the file: another thread may see it longer meanwhile.
        let greatest = self.length.load(Ordering::Acquire);
        let length = self.database.length()?;
        self.length.fetch_max(length, Ordering::Release);
        let change = || format!("was shortened from {greatest} to {length} bytes");
        (length < greatest).then(|| self.damage.record(&self.database.path, change()))
    }
}

impl OpenedFile {
    /// The length of the file, if it is still at its path.
    fn length(&self) -> Option<u64> {
        fs::metadata(&self.path).ok().filter(|metadata| file_id(metadata) == self.id).map(|metadata| metadata.len())
    }

    /// Whether the file begins like a write-ahead log. One that can't be read is taken for one. SQLite holds no lock on it
    /// that closing it here would release.
    fn begins_with_log_header(&self) -> bool {
        let mut magic = [0; 4];
        let read = fs::File::open(&self.path).and_then(|mut file| file.read_exact(&mut magic));
        read.is_err() || magic[..3] == LOG_MAGIC
    }

    fn state(&self) -> FileState {
        match fs::metadata(&self.path) {
            Ok(metadata) if file_id(&metadata) == self.id => FileState::Unchanged,
            Ok(_) => FileState::Replaced,
            Err(error) if error.kind() == ErrorKind::NotFound => FileState::Missing,
            Err(error) => FileState::Unreadable(error),
        }
    }
}

impl FileState {
    /// Describes the change, if there is one.
    fn change(&self) -> Option<String> {
        match self {
            Self::Unchanged => None,
            Self::Missing => Some("was deleted or moved".to_owned()),
            Self::Replaced => Some("was replaced by another file".to_owned()),
            Self::Unreadable(error) => Some(format!("became unreadable ({error})")),
        }
    }
}

#[cfg(unix)]
type FileId = (u64, u64);

#[cfg(unix)]
fn file_id(metadata: &Metadata) -> FileId {
    use std::os::unix::fs::MetadataExt as _;

    (metadata.dev(), metadata.ino())
}

/// Other systems neither delete nor move a file that is open.
#[cfg(not(unix))]
type FileId = ();

#[cfg(not(unix))]
fn file_id(_: &Metadata) -> FileId {}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use crate::engine::sqlite::connection::{open_or_create_writer, open_reader, open_writer};

    fn change(files: &DatabaseFiles) -> Option<(String, bool)> {
        files.check().err().map(|displaced| (displaced.to_string(), displaced.is_recoverable))
    }

    #[test]
    fn each_file_of_an_open_database_is_missed_until_it_is_back() {
        let folder = tempfile::tempdir().unwrap();
        let (path, aside) = (folder.path().join("open.db"), folder.path().join("aside"));
        let _writer = open_or_create_writer(&path).unwrap();
        let files = DatabaseFiles::identify(&path).unwrap();
        for (suffix, is_recoverable) in [("", false), ("-wal", true), ("-shm", true)] {
            let file = folder.path().join(format!("open.db{suffix}"));
            fs::rename(&file, &aside).unwrap();
            let (text, recoverable) = change(&files).unwrap();
            assert!(text.starts_with(&format!("{} was deleted or moved", file.display())), "{text}");
            assert_eq!(recoverable, is_recoverable, "{suffix}");
            assert!(files.check_for_read().is_err(), "{suffix}");
            fs::write(&file, "another").unwrap();
            let (text, recoverable) = change(&files).unwrap();
            assert!(text.contains("was replaced by another file"), "{text}");
            assert!(!recoverable, "{suffix}");
            fs::rename(&aside, &file).unwrap();
            assert!(files.check_for_read().is_ok(), "{suffix}");
        }
    }

    #[test]
    fn another_process_that_opens_and_closes_the_database_displaces_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("open.db");
        let writer = open_or_create_writer(&path).unwrap();
        writer.execute_batch("CREATE TABLE items (id integer)").unwrap();
        let files = DatabaseFiles::identify(&path).unwrap();
        for connection in [open_writer(&path).unwrap(), open_reader(&path).unwrap()] {
            drop(connection);
            assert_eq!(change(&files), None);
        }
        writer.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
        assert_eq!(change(&files), None);
    }

    #[test]
    fn a_database_that_is_opened_by_a_link_has_its_log_beside_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let [path, other, link] = ["open.db", "other.db", "link.db"].map(|name| folder.path().join(name));
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let _writer = open_or_create_writer(&link).unwrap();
        let files = DatabaseFiles::identify(&link).unwrap();
        assert_eq!(change(&files), None);
        fs::write(&other, "another").unwrap();
        fs::remove_file(&link).unwrap();
        std::os::unix::fs::symlink(&other, &link).unwrap();
        assert!(change(&files).unwrap().0.contains("was replaced by another file"));
    }
}
