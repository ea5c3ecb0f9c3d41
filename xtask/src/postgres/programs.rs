//! The installation of PostgreSQL's programs.

use std::path::PathBuf;

use postgres_cluster::{MISSING, find};

use crate::{Outcome, debian};

/// Returns the folder with `initdb` and `postgres`, installing them if necessary.
pub(crate) fn find_or_install() -> Outcome<PathBuf> {
    if let Some(found) = find() {
        return Ok(found);
    }
    debian::install("postgresql")?;
    find().ok_or_else(|| MISSING.to_owned())
}
