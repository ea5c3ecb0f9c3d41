//! Paths, and the files at them.

use std::{fs::File, path::Path};

#[cfg(unix)]
use std::{fs, io::ErrorKind};

/// The folder that contains `file`.
pub(crate) fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Whether the open file is the one at the path.
#[cfg(unix)]
pub(crate) fn is_at(file: &File, path: &Path) -> std::io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;

    let inode = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match fs::metadata(path) {
        Ok(metadata) => Ok(inode(metadata) == inode(file.metadata()?)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether there is a file at the path. Other systems remove no file that is open.
#[cfg(not(unix))]
pub(crate) fn is_at(_: &File, path: &Path) -> std::io::Result<bool> {
    path.try_exists()
}
