//! A PostgreSQL cluster that does not outlive this process.

mod start;

use std::{
    fs,
    io::Write as _,
    net::TcpListener,
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU16, Ordering},
};

use tempfile::TempDir;

use crate::{Outcome, programs::server_account};

/// A script that runs the server until it reads the name of a signal from its standard input, which it then sends to
/// the server; or until its input is closed, which also happens when the process at the other end is killed: then it
/// stops the server immediately and removes its folder. Only the server holds the pipe of its log open, so that the end
/// of the log is the end of the server.
const SUPERVISOR_SCRIPT: &str = r#"
folder=$1; shift
trap '' INT
exec 3>&2 2>/dev/null
"$@" 2>&3 3>&- &
exec 3>&-
if read -r signal; then
  kill -"$signal" $!
  wait
else
  kill -QUIT $!
  wait
  rm -rf "$folder"
fi
"#;

const COMMON_SETTINGS: &[&str] =
    &["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=300", "lc_messages=C"];

/// Settings that trade durability for speed, for data that does not have to survive a crash.
pub const TEST_SETTINGS: &[&str] = &["fsync=off", "full_page_writes=off", "synchronous_commit=off"];

/// The way in which a server is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Active transactions are rolled back, connections are closed, and all data is written to disk.
    Fast,
    /// The server aborts: the next start recovers as after a crash.
    Immediate,
}

/// A server and its files, which are stopped and deleted on drop.
pub struct Cluster {
    program: Command,
    url: String,
    running: Option<Child>,
    folder: TempDir,
}

impl Cluster {
    /// Creates a cluster and starts its server, with the programs in this folder and these settings (`name=value`); all
    /// other settings are as in production.
    ///
    /// # Errors
    /// A message with the reason that the server can't be started.
    pub fn start(programs: &Path, settings: &[&str]) -> Outcome<Self> {
        let folder =
            tempfile::Builder::new().prefix("novantra-postgres-").tempdir().map_err(|error| error.to_string())?;
        let account = server_account()?;
        if let Some((user, group)) = account {
            chown(folder.path(), Some(user), Some(group)).map_err(|error| error.to_string())?;
        }
        let program = |program: &Path| with_account(Command::new(program), account, folder.path());
        let files = data_directory(&folder);
        initialize(|| program(&programs.join("initdb")), &files)?;
        let port = free_port()?;
        let mut server = program(Path::new("/bin/sh"));
        server.args(["-c", SUPERVISOR_SCRIPT, "watch"]).arg(folder.path()).arg(programs.join("postgres"));
        server.arg("-D").arg(&files).args(["-p", &port.to_string()]);
        server.args(COMMON_SETTINGS.iter().chain(settings).flat_map(|setting| ["-c", setting]));
        server.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let url = format!("postgres://novantra@127.0.0.1:{port}/postgres");
        let mut cluster = Self { program: server, url, running: None, folder };
        cluster.restart()?;
        Ok(cluster)
    }

    /// The connection URL of a superuser.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The folder with the cluster's files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Stops the server, and waits until it has stopped. The files remain.
    ///
    /// # Errors
    /// A message if the server does not run.
    pub fn stop(&mut self, shutdown: Shutdown) -> Outcome {
        let mut running = self.running.take().ok_or("PostgreSQL does not run")?;
        let mut input = running.stdin.take().ok_or("the supervisor script of PostgreSQL has no standard input")?;
        let signal = match shutdown {
            Shutdown::Fast => "INT",
            Shutdown::Immediate => "QUIT",
        };
        writeln!(input, "{signal}").map_err(|error| error.to_string())?;
        running.wait().map(drop).map_err(|error| error.to_string())
    }

    /// Starts the stopped server on the same port, and waits until it accepts connections.
    ///
    /// # Errors
    /// A message with the reason that the server can't be started.
    pub fn restart(&mut self) -> Outcome {
        let mut running = self.program.spawn().map_err(|error| format!("/bin/sh can't be started: {error}"))?;
        let log = running.stderr.take();
        self.running = Some(running);
        start::wait_until_ready(&data_directory(&self.folder), log.ok_or("PostgreSQL has no log")?)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let Some(mut running) = self.running.take() else { return };
        drop(running.stdin.take());
        if let Err(error) = running.wait() {
            eprintln!("PostgreSQL may still be running, since waiting for its end failed: {error}");
        }
    }
}

fn data_directory(folder: &TempDir) -> PathBuf {
    folder.path().join("cluster")
}

fn with_account(mut command: Command, account: Option<(u32, u32)>, home: &Path) -> Command {
    command.current_dir(home).env("HOME", home);
    if let Some((user, group)) = account {
        command.uid(user).gid(group);
    }
    command
}

/// Creates the cluster's files. If PostgreSQL has ICU, the default collation is that of a language, as in most real
/// installations, so that tests detect an `ORDER BY` without an explicit collation.
fn initialize(initdb: impl Fn() -> Command, cluster: &Path) -> Outcome {
    let initialize = |collation: &[&str]| {
        let common = ["--username=novantra", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"];
        run(initdb().arg("-D").arg(cluster).args(common).args(collation))
    };
    if initialize(&["--locale-provider=icu", "--icu-locale=en-US"]).is_ok() {
        return Ok(());
    }
    if cluster.exists() {
        fs::remove_dir_all(cluster).map_err(|error| error.to_string())?;
    }
    initialize(&[])
}

fn run(command: &mut Command) -> Outcome {
    let output =
        command.output().map_err(|error| format!("{} can't be started: {error}", command.get_program().display()))?;
    if output.status.success() {
        return Ok(());
    }
    let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(format!("{} failed: {}\n{message}", command.get_program().display(), output.status))
}

/// Returns a free port below the range that the system uses for outgoing connections: an outgoing connection could take
/// a port of that range before a stopped server is restarted on it.
fn free_port() -> Outcome<u16> {
    const FIRST: u16 = 15_000;
    const COUNT: u16 = 15_000;
    static CALLS: AtomicU16 = AtomicU16::new(0);
    // Each process starts its search at another port, since several may search at the same time.
    let start = u16::try_from(std::process::id().wrapping_mul(61) % u32::from(COUNT)).unwrap_or(0);
    let calls = CALLS.fetch_add(1, Ordering::Relaxed);
    let mut ports = (calls..COUNT).map(|offset| FIRST + (start + offset) % COUNT);
    let free = ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.ok_or_else(|| "no port is free for PostgreSQL".to_owned())
}
