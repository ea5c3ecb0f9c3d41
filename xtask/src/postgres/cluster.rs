//! A PostgreSQL cluster that lives as long as this process at most.

use std::{
    collections::VecDeque,
    fs,
    io::{BufRead, BufReader},
    net::TcpListener,
    os::unix::{fs::chown, process::CommandExt},
    path::Path,
    process::{Child, ChildStderr, Command, Stdio},
    sync::mpsc,
    thread,
};

use tempfile::TempDir;

use super::programs::account;
use crate::{Outcome, process::output};

/// Runs the server until the pipe to this script is closed, which also happens when the one that holds it is killed;
/// then the server goes at once and its folder with it. Only the server holds the pipe that its log goes to, so that its
/// end shows there.
const WATCH: &str = r#"
folder=$1; shift
trap '' INT
exec 3>&2 2>/dev/null
"$@" 2>&3 3>&- &
exec 3>&-
cat >/dev/null
kill -QUIT $!
wait
rm -rf "$folder"
"#;

const SETTINGS: &[&str] =
    &["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=300", "lc_messages=C"];

/// Given up safety for speed: nothing here outlives a crash.
pub(super) const FOR_TESTS: &[&str] = &["fsync=off", "full_page_writes=off", "synchronous_commit=off"];

/// As safe as in production, with a log that benchmarks read statements from.
pub(super) const FOR_BENCHMARKS: &[&str] = &[
    "fsync=on",
    "full_page_writes=on",
    "synchronous_commit=on",
    "shared_buffers=1GB",
    "max_wal_size=4GB",
    "logging_collector=on",
    "log_line_prefix=@",
];

const READY: &str = "database system is ready to accept connections";

pub(crate) struct Cluster {
    url: String,
    watch: Child,
    _folder: TempDir,
}

impl Cluster {
    pub(super) fn start(programs: &Path, settings: &[&str]) -> Outcome<Self> {
        let folder =
            tempfile::Builder::new().prefix("novantra-postgres-").tempdir().map_err(|error| error.to_string())?;
        let account = account()?;
        if let Some((user, group)) = account {
            chown(folder.path(), Some(user), Some(group)).map_err(|error| error.to_string())?;
        }
        let program = |program: &Path| as_account(Command::new(program), account, folder.path());
        let cluster = folder.path().join("cluster");
        initialize(|| program(&programs.join("initdb")), &cluster)?;
        let port = free_port()?;
        let mut watch = program(Path::new("/bin/sh"));
        watch.args(["-c", WATCH, "watch"]).arg(folder.path()).arg(programs.join("postgres")).arg("-D").arg(&cluster);
        watch.args(["-p", &port.to_string()]).args(SETTINGS.iter().chain(settings).flat_map(|setting| ["-c", setting]));
        watch.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut watch = watch.spawn().map_err(|error| format!("/bin/sh can't be started: {error}"))?;
        let log = watch.stderr.take();
        let url = format!("postgres://novantra@127.0.0.1:{port}/postgres");
        let cluster = Self { url, watch, _folder: folder };
        log.map_or_else(|| Err("PostgreSQL has no log".to_owned()), wait_until_ready)?;
        Ok(cluster)
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.watch.stdin.take());
        if let Err(error) = self.watch.wait() {
            eprintln!("PostgreSQL's end was not seen: {error}");
        }
    }
}

fn as_account(mut command: Command, account: Option<(u32, u32)>, home: &Path) -> Command {
    command.current_dir(home).env("HOME", home);
    if let Some((user, group)) = account {
        command.uid(user).gid(group);
    }
    command
}

/// Makes the cluster's files. Where PostgreSQL knows the world's languages, text is ordered by one of them, as in most
/// real installations, so that an order that forgot its collation shows.
fn initialize(initdb: impl Fn() -> Command, cluster: &Path) -> Outcome {
    let initialize = |order: &[&str]| {
        let common = ["--username=novantra", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"];
        output(initdb().arg("-D").arg(cluster).args(common).args(order))
    };
    if initialize(&["--locale-provider=icu", "--icu-locale=en-US"]).is_ok() {
        return Ok(());
    }
    if cluster.exists() {
        fs::remove_dir_all(cluster).map_err(|error| error.to_string())?;
    }
    initialize(&[]).map(|_| ())
}

fn free_port() -> Outcome<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
    listener.local_addr().map(|address| address.port()).map_err(|error| error.to_string())
}

/// Reads the log until the server says that it is ready; to its end, without keeping it, from then on.
fn wait_until_ready(log: ChildStderr) -> Outcome {
    let (ready, told) = mpsc::channel();
    thread::spawn(move || {
        let mut last = VecDeque::new();
        let mut lines = BufReader::new(log).lines().map_while(Result::ok);
        for line in lines.by_ref() {
            if line.contains(READY) {
                let _ = ready.send(Ok(()));
                break;
            }
            last.truncate(9);
            last.push_front(line);
        }
        let log: Vec<String> = last.into_iter().rev().collect();
        let _ = ready.send(Err(format!("PostgreSQL did not start:\n{}", log.join("\n"))));
        lines.for_each(drop);
    });
    told.recv().map_err(|error| error.to_string())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_log_before_the_server_is_ready_is_a_failure() {
        let start = |script: &str| {
            let mut child = Command::new("/bin/sh").args(["-c", script]).stderr(Stdio::piped()).spawn().unwrap();
            let ready = wait_until_ready(child.stderr.take().unwrap());
            child.wait().unwrap();
            ready
        };
        assert_eq!(start(&format!("echo 'LOG: {READY}' >&2")), Ok(()));
        let refused = start("echo 'FATAL: no room' >&2").unwrap_err();
        assert_eq!(refused, "PostgreSQL did not start:\nFATAL: no room");
    }
}
