//! libfaketime, with which tests give one of several servers a wrong system clock.

use std::{fs, path::PathBuf};

use crate::{Outcome, debian};

/// The environment variable with the path of the library.
pub(crate) const PATH_VARIABLE: &str = "NOVANTRA_TEST_FAKETIME";

/// The folders of libraries: Debian has a folder for each architecture in them, other systems use them directly.
const LIBRARY_FOLDERS: &[&str] = &["/usr/lib", "/usr/lib64", "/usr/local/lib"];

const LIBRARY: &str = "faketime/libfaketime.so.1";

const MISSING: &str = "\
libfaketime is required, but was not found. Install it, or set its path:
  sudo apt-get install --yes libfaketime
  export NOVANTRA_TEST_FAKETIME=/path/to/libfaketime.so.1";

/// Returns the path of the library to preload, installing it if necessary.
pub(crate) fn find_or_install() -> Outcome<PathBuf> {
    if let Some(path) = std::env::var_os(PATH_VARIABLE) {
        return Ok(path.into());
    }
    if let Some(found) = find() {
        return Ok(found);
    }
    debian::install("libfaketime")?;
    find().ok_or_else(|| MISSING.to_owned())
}

fn find() -> Option<PathBuf> {
    let folders = LIBRARY_FOLDERS.iter().map(PathBuf::from);
    let within = folders.clone().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    folders.chain(within.map(|entry| entry.path())).map(|folder| folder.join(LIBRARY)).find(|library| library.is_file())
}
