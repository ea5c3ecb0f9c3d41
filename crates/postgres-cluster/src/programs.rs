//! The location of PostgreSQL's programs, and the user to run them as.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::Outcome;

/// The folders in which Debian, Red Hat, `make install` and Homebrew install the programs; `*` stands for a version.
const INSTALL_FOLDERS: &[&str] = &[
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/usr/local/pgsql/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
];

/// The message with the remedy if [`find_programs`] finds nothing.
pub const INSTALL_HINT: &str = "\
PostgreSQL 14 or newer is required, but none was found. To install it:
  sudo apt-get install --yes postgresql";

/// Returns the folder with `initdb` and `postgres`, of the newest version if there are several.
#[must_use]
pub fn find_programs() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = INSTALL_FOLDERS.iter().flat_map(|pattern| matching_folders(pattern)).collect();
    folders.extend(env::split_paths(&path));
    folders.into_iter().find(|folder| ["initdb", "postgres"].iter().all(|program| folder.join(program).is_file()))
}

/// Returns the folders that match a pattern with at most one `*`, the newest version first.
fn matching_folders(pattern: &str) -> Vec<PathBuf> {
    let Some((before, after)) = pattern.split_once('*') else { return vec![PathBuf::from(pattern)] };
    let (parent, prefix) = before.rsplit_once('/').unwrap_or(("", before));
    let names = fs::read_dir(parent).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let mut versions: Vec<(u32, String)> = names
        .filter_map(|name| {
            let version = name.to_str()?.strip_prefix(prefix)?.parse().ok()?;
            Some((version, format!("{before}{version}{after}")))
        })
        .collect();
    versions.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    versions.into_iter().map(|(_, folder)| PathBuf::from(folder)).collect()
}

/// Returns whether this process runs as root.
#[must_use]
pub fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|id| id.stdout.trim_ascii() == b"0")
}

/// Returns the numeric user and group that a server must run as if this process is root, since PostgreSQL refuses to
/// run as root.
pub(crate) fn server_account() -> Outcome<Option<(u32, u32)>> {
    if !is_root() {
        return Ok(None);
    }
    let users = fs::read_to_string(Path::new("/etc/passwd")).map_err(|error| format!("/etc/passwd: {error}"))?;
    let found = ["postgres", "nobody"].iter().find_map(|name| find_in_passwd(&users, name));
    found.map(Some).ok_or_else(|| "PostgreSQL can't run as root, and there is no user postgres or nobody".to_owned())
}

fn find_in_passwd(users: &str, name: &str) -> Option<(u32, u32)> {
    let mut fields = users.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?.split(':').skip(1);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_only_by_its_full_name() {
        let users =
            "root:x:0:0:root:/root:/bin/bash\npostgresql:x:7:8::/:/bin/sh\npostgres:x:101:104:,,,:/var:/bin/bash\n";
        assert_eq!(find_in_passwd(users, "postgres"), Some((101, 104)));
        assert_eq!(find_in_passwd(users, "nobody"), None);
    }

    #[test]
    fn the_newest_version_comes_first() {
        let folder = tempfile::tempdir().unwrap();
        for version in ["9", "15", "main"] {
            fs::create_dir(folder.path().join(version)).unwrap();
        }
        let pattern = format!("{}/*/bin", folder.path().display());
        assert_eq!(matching_folders(&pattern), ["15/bin", "9/bin"].map(|version| folder.path().join(version)));
    }
}
