//! Having the system install PostgreSQL's programs where there are none.

use std::path::PathBuf;

use postgres_cluster::{MISSING, find};

use crate::{Outcome, debian};

/// The folder with `initdb` and `postgres`.
pub(crate) fn find_or_install() -> Outcome<PathBuf> {
    if let Some(found) = find() {
        return Ok(found);
    }
    debian::install("postgresql")?;
    find().ok_or_else(|| MISSING.to_owned())
}
