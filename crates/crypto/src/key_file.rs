//! The master key's file: made once, whole or not at all, however many servers start at the same time.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

use kernel::Entropy;
use zeroize::Zeroizing;

use crate::master_key::{MalformedMasterKey, MasterKey};

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// The file can't be read.
    #[error("the master key file {path} can't be read: {source}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file can't be made.
    #[error("the master key file {path} can't be made: {source}")]
    NotMade {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("the master key file {path} holds no master key: {source}")]
    Malformed {
        /// Which file.
        path: PathBuf,
        /// What is asked of it.
        source: MalformedMasterKey,
    },
}

/// The key in this file.
///
/// # Errors
/// [`KeyFileError::Unreadable`], [`KeyFileError::Malformed`].
pub fn load_master_key(path: &Path) -> Result<MasterKey, KeyFileError> {
    let text = fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|source| KeyFileError::Unreadable { path: path.to_owned(), source })?;
    text.parse().map_err(|source| KeyFileError::Malformed { path: path.to_owned(), source })
}

/// The key in this file, which is made, readable by its owner only, where there is none. Of several starters at the same
/// time one makes it and all get the same key; a starter killed half-way leaves no half a key.
///
/// # Errors
/// [`KeyFileError`]; a file that is there and holds no key is never replaced.
pub fn load_or_create_master_key(path: &Path, entropy: &dyn Entropy) -> Result<MasterKey, KeyFileError> {
    match load_master_key(path) {
        Err(KeyFileError::Unreadable { source, .. }) if source.kind() == ErrorKind::NotFound => {
            create(path, entropy).map_err(|source| KeyFileError::NotMade { path: path.to_owned(), source })?;
            load_master_key(path)
        }
        loaded => loaded,
    }
}

fn create(path: &Path, entropy: &dyn Entropy) -> io::Result<()> {
    let mut name = [0; 8];
    entropy.fill(&mut name);
    let draft = path.with_extension(format!("{:016x}.draft", u64::from_be_bytes(name)));
    let made = write(&draft, &MasterKey::generate(entropy)).and_then(|()| publish(&draft, path));
    let removed = fs::remove_file(&draft);
    made.and(removed)
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

/// Unlike a rename, a link never replaces what another starter published first.
fn publish(draft: &Path, path: &Path) -> io::Result<()> {
    match fs::hard_link(draft, path) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error),
        _ => sync_folder(path),
    }
}

/// Data encrypted under a key whose name was lost in a crash would be lost with it.
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
    fn of_many_starters_one_makes_the_key_and_all_get_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let entropy = SystemEntropy::new();
        let keys: Vec<String> = thread::scope(|scope| {
            let load = || load_or_create_master_key(&path, &entropy).unwrap().to_text().to_string();
            let starters: Vec<_> = (0..8).map(|_| scope.spawn(load)).collect();
            starters.into_iter().map(|starter| starter.join().unwrap()).collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]), "the starters have different keys");
        assert_eq!(*load_master_key(&path).unwrap().to_text(), keys[0]);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "drafts were left behind");
    }

    #[cfg(unix)]
    #[test]
    fn only_its_owner_can_read_the_file() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        load_or_create_master_key(&path, &SystemEntropy::new()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_file_that_holds_no_key_is_refused_by_name_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        fs::write(&path, "not a key").unwrap();
        let refusal = load_or_create_master_key(&path, &SystemEntropy::new()).unwrap_err();
        assert!(matches!(refusal, KeyFileError::Malformed { .. }));
        assert!(refusal.to_string().contains("master.key"), "{refusal}");
        assert!(!refusal.to_string().contains("not a key"), "{refusal}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "not a key");
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("absent/master.key");
        let refusal = load_or_create_master_key(&path, &SystemEntropy::new()).unwrap_err();
        assert!(matches!(refusal, KeyFileError::NotMade { .. }));
        assert!(refusal.to_string().contains("absent/master.key"), "{refusal}");
        assert!(matches!(load_master_key(&path), Err(KeyFileError::Unreadable { .. })));
    }
}
