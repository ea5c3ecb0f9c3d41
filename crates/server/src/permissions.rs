//! Files that other users of the machine must not read.

use crate::settings::{Database, Settings};

/// Describes each file and folder of the installation that every user of this machine can use, with the remedy.
#[cfg(unix)]
pub(crate) fn exposed_files(settings: &Settings) -> Vec<String> {
    use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

    /// The permissions of users who are neither the owner nor in the group.
    const OTHERS: u32 = 0o007;

    let mode = |path: &Path| fs::metadata(path).map(|metadata| metadata.permissions().mode() & 0o777).unwrap_or(0);
    let is_exposed = |path: &Path| mode(path) & OTHERS != 0;
    let describe = |what: &str, path: &Path, right: &str| {
        let (path, mode) = (path.display(), mode(path));
        format!("{what} {path} is open to every user of this machine (mode {mode:o}): chmod {right} {path}")
    };
    if matches!(settings.database, Database::Memory) {
        return Vec::new();
    }
    let mut exposed = Vec::new();
    if is_exposed(&settings.master_key_file) {
        exposed.push(describe("the master key", &settings.master_key_file, "600"));
    }
    if is_exposed(&settings.data_dir) {
        exposed.push(describe("the data folder", &settings.data_dir, "700"));
    }
    if let Database::Sqlite(file) = &settings.database
        && file.parent().is_some_and(|folder| folder != settings.data_dir && is_exposed(folder))
        && is_exposed(file)
    {
        exposed.push(describe("the database", file, "600"));
    }
    exposed
}

/// Other systems have no such permissions.
#[cfg(not(unix))]
pub(crate) fn exposed_files(_: &Settings) -> Vec<String> {
    Vec::new()
}
