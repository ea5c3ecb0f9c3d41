//! The installation of PostgreSQL's programs.

use std::path::PathBuf;

use postgres_cluster::{INSTALL_HINT, find_programs};

use crate::{Outcome, debian};

/// Returns the folder with `initdb` and `postgres`, installing them if necessary.
pub(crate) fn find_or_install() -> Outcome<PathBuf> {
    if let Some(found) = find_programs() {
        return Ok(found);
    }
    debian::install("postgresql")?;
    find_programs().ok_or_else(|| INSTALL_HINT.to_owned())
}
