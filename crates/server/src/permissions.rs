//! Files that other users of the machine must not read or change.

use crate::settings::{Database, Settings};

#[cfg(unix)]
use crate::files::folder_of;

/// Describes each file and folder of the installation that every user of this machine can use, or that the users of its
/// group can change, with the remedy.
#[cfg(unix)]
pub(crate) fn exposed_files(settings: &Settings) -> Vec<String> {
    use std::{
        fs,
        os::unix::fs::PermissionsExt as _,
        path::{Path, PathBuf},
    };

    /// The permissions of users who are neither the owner nor in the group.
    const OTHERS: u32 = 0o007;
    /// The permission of the group to write. To read is fine: a group may make backups.
    const GROUP_WRITE: u32 = 0o020;

    let exposure = |what: &str, path: &Path, usual: &str| {
        let mode = fs::metadata(path).ok()?.permissions().mode() & 0o777;
        let users = match mode {
            mode if mode & OTHERS != 0 => "is open to every user of this machine",
            mode if mode & GROUP_WRITE != 0 => "can be changed by every user of its group",
            _ => return None,
        };
        let path = path.display();
        Some(format!("{what} {path} {users} (mode {mode:o}): chmod {usual} {path}"))
    };
    let mut exposed = Vec::new();
    match &settings.database {
        Database::Memory => return exposed,
        Database::Postgres(_) => {}
        Database::Sqlite(file) => {
            // In a folder that nobody else can use, the permissions of its files do not matter.
            let folder = folder_of(file);
            if folder != settings.data_dir && exposure("the folder", folder, "700").is_some() {
                exposed.extend(["", "-wal", "-shm"].into_iter().filter_map(|suffix| {
                    let mut path = file.clone().into_os_string();
                    path.push(suffix);
                    exposure("the database file", &PathBuf::from(path), "600")
                }));
            }
        }
    }
    exposed.extend(exposure("the master key", &settings.master_key_file, "600"));
    exposed.extend(exposure("the data folder", &settings.data_dir, "700"));
    exposed
}

/// Other systems have no such permissions.
#[cfg(not(unix))]
pub(crate) fn exposed_files(_: &Settings) -> Vec<String> {
    Vec::new()
}
