//! libfaketime, by which tests give one of several servers a system clock that is off.

use std::{fs, path::PathBuf};

use crate::{Outcome, debian};

/// How tests are told where it is.
pub(crate) const NAME: &str = "NOVANTRA_TEST_FAKETIME";

/// Where Debian keeps its libraries, a folder for each architecture, and where others do.
const USUAL: &[&str] = &["/usr/lib", "/usr/lib64", "/usr/local/lib"];

const LIBRARY: &str = "faketime/libfaketime.so.1";

const MISSING: &str = "\
libfaketime is needed, and was not found. One of these helps:
  sudo apt-get install --yes libfaketime
  export NOVANTRA_TEST_FAKETIME=/path/to/libfaketime.so.1";

/// The library that a program is to be started with.
pub(crate) fn find_or_install() -> Outcome<PathBuf> {
    if let Some(named) = std::env::var_os(NAME) {
        return Ok(named.into());
    }
    if let Some(found) = find() {
        return Ok(found);
    }
    debian::install("libfaketime")?;
    find().ok_or_else(|| MISSING.to_owned())
}

fn find() -> Option<PathBuf> {
    let folders = USUAL.iter().map(PathBuf::from);
    let within = folders.clone().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
    folders.chain(within.map(|entry| entry.path())).map(|folder| folder.join(LIBRARY)).find(|library| library.is_file())
}
