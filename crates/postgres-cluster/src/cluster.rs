//! A PostgreSQL cluster that lives as long as this process at most.

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

use crate::{Outcome, programs::account};

/// Runs the server until a word comes on the pipe to this script, which names the signal that ends it; or until the pipe
/// is closed, which also happens when the one that holds it is killed: then the server goes at once and its folder with
/// it. Only the server holds the pipe that its log goes to, so that its end shows there.
const WATCH: &str = r#"
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

const SETTINGS: &[&str] =
    &["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=300", "lc_messages=C"];

/// Settings that give up safety for speed, where nothing is to outlive a crash.
pub const FOR_TESTS: &[&str] = &["fsync=off", "full_page_writes=off", "synchronous_commit=off"];

/// How a server is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Transactions under way are rolled back and connections closed, and all is written out.
    Fast,
    /// Everything breaks off: the next start recovers as after a crash.
    Immediate,
}

/// A server and its files. Both are gone when this is dropped.
pub struct Cluster {
    program: Command,
    url: String,
    running: Option<Child>,
    folder: TempDir,
}

impl Cluster {
    /// Makes a cluster and starts its server, with the programs in this folder and with these settings
    /// (`name=value`), which are as in production where nothing is said.
    ///
    /// # Errors
    /// Whatever keeps it from starting.
    pub fn start(programs: &Path, settings: &[&str]) -> Outcome<Self> {
        let folder =
            tempfile::Builder::new().prefix("novantra-postgres-").tempdir().map_err(|error| error.to_string())?;
        let account = account()?;
        if let Some((user, group)) = account {
            chown(folder.path(), Some(user), Some(group)).map_err(|error| error.to_string())?;
        }
        let program = |program: &Path| as_account(Command::new(program), account, folder.path());
        let files = files(&folder);
        initialize(|| program(&programs.join("initdb")), &files)?;
        let port = free_port()?;
        let mut server = program(Path::new("/bin/sh"));
        server.args(["-c", WATCH, "watch"]).arg(folder.path()).arg(programs.join("postgres"));
        server.arg("-D").arg(&files).args(["-p", &port.to_string()]);
        server.args(SETTINGS.iter().chain(settings).flat_map(|setting| ["-c", setting]));
        server.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let url = format!("postgres://novantra@127.0.0.1:{port}/postgres");
        let mut cluster = Self { program: server, url, running: None, folder };
        cluster.start_again()?;
        Ok(cluster)
    }

    /// Where it is reached, by a user that may do everything.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where its files are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Ends the server, and waits until it has ended. Its files stay.
    ///
    /// # Errors
    /// When it does not run.
    pub fn stop(&mut self, how: Shutdown) -> Outcome {
        let mut running = self.running.take().ok_or("PostgreSQL does not run")?;
        let mut word = running.stdin.take().ok_or("nobody listens")?;
        let signal = match how {
            Shutdown::Fast => "INT",
            Shutdown::Immediate => "QUIT",
        };
        writeln!(word, "{signal}").map_err(|error| error.to_string())?;
        running.wait().map(drop).map_err(|error| error.to_string())
    }

    /// Starts the server where it was stopped, and waits until it takes connections.
    ///
    /// # Errors
    /// Whatever keeps it from starting.
    pub fn start_again(&mut self) -> Outcome {
        let mut running = self.program.spawn().map_err(|error| format!("/bin/sh can't be started: {error}"))?;
        let told = running.stderr.take();
        self.running = Some(running);
        start::wait_until_ready(&files(&self.folder), told.ok_or("PostgreSQL has no log")?)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let Some(mut running) = self.running.take() else { return };
        drop(running.stdin.take());
        if let Err(error) = running.wait() {
            eprintln!("PostgreSQL's end was not seen: {error}");
        }
    }
}

fn files(folder: &TempDir) -> PathBuf {
    folder.path().join("cluster")
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
        done(initdb().arg("-D").arg(cluster).args(common).args(order))
    };
    if initialize(&["--locale-provider=icu", "--icu-locale=en-US"]).is_ok() {
        return Ok(());
    }
    if cluster.exists() {
        fs::remove_dir_all(cluster).map_err(|error| error.to_string())?;
    }
    initialize(&[])
}

fn done(command: &mut Command) -> Outcome {
    let output =
        command.output().map_err(|error| format!("{} can't be started: {error}", command.get_program().display()))?;
    if output.status.success() {
        return Ok(());
    }
    let complaint = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(format!("{} failed: {}\n{complaint}", command.get_program().display(), output.status))
}

/// A port below those that the system gives to outgoing connections: one of them could have taken it by the time a
/// stopped server comes back to it.
fn free_port() -> Outcome<u16> {
    const FIRST: u16 = 15_000;
    const COUNT: u16 = 15_000;
    static ASKED: AtomicU16 = AtomicU16::new(0);
    // Several processes look at once: each begins elsewhere.
    let begin = u16::try_from(std::process::id().wrapping_mul(61) % u32::from(COUNT)).unwrap_or(0);
    let asked = ASKED.fetch_add(1, Ordering::Relaxed);
    let mut ports = (asked..COUNT).map(|offset| FIRST + (begin + offset) % COUNT);
    let free = ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.ok_or_else(|| "no port is free for PostgreSQL".to_owned())
}
