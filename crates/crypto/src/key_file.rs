//! The file of the master key, which is created once and atomically, even if several servers start at the same time.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

use kernel::Entropy;
use zeroize::Zeroizing;

use crate::master_key::{MalformedMasterKey, MasterKey};

/// The reason that the master key can't be loaded.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file can't be read.
    #[error("the master key file {path} can't be read: {source}")]
    Unreadable {
        /// The path of the file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file can't be created.
    #[error("the master key file {path} can't be created: {source}")]
    NotCreated {
        /// The path of the file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file has other content.
    #[error("the master key file {path} does not contain a master key: {source}")]
    Malformed {
        /// The path of the file.
        path: PathBuf,
        /// The expected form of a master key.
        source: MalformedMasterKey,
    },
}

/// Loads the key from this file.
///
/// # Errors
/// [`KeyFileError::Unreadable`], [`KeyFileError::Malformed`].
pub fn load_master_key(path: &Path) -> Result<MasterKey, KeyFileError> {
    let text = fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|source| KeyFileError::Unreadable { path: path.to_owned(), source })?;
    text.parse().map_err(|source| KeyFileError::Malformed { path: path.to_owned(), source })
}

/// Loads the key from this file, or creates the file, readable only by its owner, if it does not exist. If several
/// processes start at the same time, one of them creates it and all load the same key. A process that is killed in
/// between leaves no incomplete file.
///
/// # Errors
/// [`KeyFileError`]. An existing file without a key is never replaced.
pub fn load_or_create_master_key(path: &Path, entropy: &dyn Entropy) -> Result<MasterKey, KeyFileError> {
    match load_master_key(path) {
        Err(KeyFileError::Unreadable { source, .. }) if source.kind() == ErrorKind::NotFound => {
            create(path, entropy).map_err(|source| KeyFileError::NotCreated { path: path.to_owned(), source })?;
            load_master_key(path)
        }
        loaded => loaded,
    }
}

fn create(path: &Path, entropy: &dyn Entropy) -> io::Result<()> {
    let mut name = [0; 8];
    entropy.fill(&mut name);
    let draft = path.with_extension(format!("{:016x}.draft", u64::from_be_bytes(name)));
    let created = write(&draft, &MasterKey::generate(entropy)).and_then(|()| publish(&draft, path));
    let removed = fs::remove_file(&draft);
    created.and(removed)
}

fn write(draft: &Path, key: &MasterKey) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(draft)?;
    file.write_all(key.to_text().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

/// Links the file to its final path. Unlike a rename, a link never replaces a file that another process has published.
fn publish(draft: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(draft, path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => sync_folder(path),
    }
}

/// Makes the file's name durable: if it was lost in a crash, the data encrypted with the key would be lost with it.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::entropy::SystemEntropy;

    #[test]
    fn concurrent_starts_create_one_key_and_all_load_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let entropy = SystemEntropy::new();
        let keys: Vec<String> = thread::scope(|scope| {
            let load = || load_or_create_master_key(&path, &entropy).unwrap().to_text().to_string();
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(load)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]), "the threads have different keys");
        assert_eq!(*load_master_key(&path).unwrap().to_text(), keys[0]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "drafts were left behind");
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_read_the_file() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        load_or_create_master_key(&path, &SystemEntropy::new()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_without_a_key_is_reported_with_its_path_and_not_changed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        fs::write(&path, "not a key").unwrap();
        let error = load_or_create_master_key(&path, &SystemEntropy::new()).unwrap_err();
        assert!(matches!(error, KeyFileError::Malformed { .. }));
        assert!(error.to_string().contains("master.key"), "{error}");
        assert!(!error.to_string().contains("not a key"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "not a key");
    }

    #[test]
    fn a_missing_folder_is_reported_with_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("absent/master.key");
        let error = load_or_create_master_key(&path, &SystemEntropy::new()).unwrap_err();
        assert!(matches!(error, KeyFileError::NotCreated { .. }));
        assert!(error.to_string().contains("absent/master.key"), "{error}");
        assert!(matches!(load_master_key(&path), Err(KeyFileError::Unreadable { .. })));
    }
}
