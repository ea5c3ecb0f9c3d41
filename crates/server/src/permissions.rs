//! Files that other users of the machine must not read or change.

#[cfg(unix)]
use std::path::{Path, PathBuf};

use crate::settings::Settings;
#[cfg(unix)]
use crate::{files::folder_of, settings::Database};

/// Describes each file and folder of the installation that every user of this machine can use, or that the users of its
/// group can change, with the remedy.
#[cfg(unix)]
pub(crate) fn exposed_files(settings: &Settings) -> Vec<String> {
    let mut exposed = Vec::new();
    let (data, key) = (&settings.data_dir, &settings.master_key_file);
    match &settings.database {
        Database::Memory => return exposed,
        Database::Postgres(_) => {}
        Database::Sqlite(file) => {
            let folder = folder_of(file);
            exposed.extend(["", "-wal", "-shm"].into_iter().filter_map(|suffix| {
                let mut path = file.clone().into_os_string();
                path.push(suffix);
                exposure("the database file", &PathBuf::from(path), reachable_in(folder), "600")
            }));
            if folder != data {
                exposed.extend(replaceable("the folder of the database", folder));
            }
        }
    }
    exposed.extend(exposure("the master key", key, OTHERS | GROUP_WRITE, "600"));
    if folder_of(key) != data {
        exposed.extend(replaceable("the folder of the master key", folder_of(key)));
    }
    exposed.extend(exposure("the data folder", data, OTHERS | GROUP_WRITE, "700"));
    if let Some(attachments) = settings.attachments.folder() {
        let dangerous = reachable_in(folder_of(attachments));
        exposed.extend(exposure("the folder of attachments", attachments, dangerous, "700"));
    }
    if let Some(files) = &settings.tls {
        exposed.extend(exposure("the key of the TLS certificate", &files.key, OTHERS | GROUP_WRITE, "600"));
    }
    exposed
}

/// The permissions of users who are neither the owner nor in the group.
#[cfg(unix)]
const OTHERS: u32 = 0o007;
/// The permission of the group to write. To read is fine: a group may make backups.
#[cfg(unix)]
const GROUP_WRITE: u32 = 0o020;

/// Describes a file or folder with any of the permissions in `dangerous`.
#[cfg(unix)]
fn exposure(what: &str, path: &Path, dangerous: u32, usual: &str) -> Option<String> {
    let mode = mode(path)? & 0o777;
    let users = match mode & dangerous {
        0 => return None,
        found if found & OTHERS != 0 => "is open to every user of this machine",
        _ => "can be changed by every user of its group",
    };
    let path = path.display();
    Some(format!("{what} {path} {users} (mode {mode:o}): chmod {usual} {path}"))
}

/// The dangerous permissions of files in this folder: those of users who can reach the files.
#[cfg(unix)]
fn reachable_in(folder: &Path) -> u32 {
    let mode = mode(folder).unwrap_or_default();
    let reachable = |users_reach: u32, dangerous: u32| if mode & users_reach != 0 { dangerous } else { 0 };
    reachable(0o001, OTHERS) | reachable(0o010, GROUP_WRITE)
}

/// Describes a folder in which other users can put another file in the place of one. With the sticky bit they can't.
#[cfg(unix)]
fn replaceable(what: &str, folder: &Path) -> Option<String> {
    const STICKY: u32 = 0o1000;
    const OTHERS_WRITE: u32 = 0o002;

    let mode = mode(folder)?;
    let users = match mode & (GROUP_WRITE | OTHERS_WRITE) {
        0 => return None,
        _ if mode & STICKY != 0 => return None,
        found if found & OTHERS_WRITE != 0 => "every user of this machine",
        _ => "every user of its group",
    };
    let path = folder.display();
    Some(format!(
        "{what} {path} can be changed by {users}, who can replace its files (mode {:o}): chmod go-w {path}",
        mode & 0o777
    ))
}

/// The permissions of a file, if it exists.
#[cfg(unix)]
fn mode(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt as _;

    std::fs::metadata(path).ok().map(|metadata| metadata.permissions().mode() & 0o7777)
}

/// Other systems have no such permissions.
#[cfg(not(unix))]
pub(crate) fn exposed_files(_: &Settings) -> Vec<String> {
    Vec::new()
}
