//! The S3 server for the tests: the one in the environment, or else a throw-away one from PyPI.

use std::{env, fs, path::PathBuf, process::Command};

use crate::{
    Outcome,
    process::run,
    python, root,
    watched_server::{WatchedServer, free_port},
};

/// The environment variable with the URL of an S3 server that accepts any credentials and creates buckets.
pub(crate) const URL_VARIABLE: &str = "NOVANTRA_TEST_S3_URL";

/// The server. Its own extra `server` brings what other services than S3 need, too.
const PACKAGES: [&str; 3] = ["moto[s3]==5.2.5", "flask==3.1.3", "flask-cors==6.0.5"];

const READY: &str = "Running on http";

/// The S3 server of the tests.
pub(crate) enum S3Server {
    /// A server that the user has set.
    External(String),
    /// A throw-away server, stopped when this is dropped.
    Own { url: String, _server: WatchedServer },
}

impl S3Server {
    pub(crate) fn for_tests() -> Outcome<Self> {
        if let Ok(url) = env::var(URL_VARIABLE) {
            return Ok(Self::External(url));
        }
        let program = install()?;
        println!("starting a throw-away S3 server from {}", program.display());
        let port = free_port()?;
        let mut command = Command::new(program);
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
        let server = WatchedServer::start("the S3 server", &command, READY)?;
        Ok(Self::Own { url: format!("http://127.0.0.1:{port}"), _server: server })
    }

    pub(crate) fn url(&self) -> &str {
        match self {
            Self::External(url) | Self::Own { url, .. } => url,
        }
    }
}

/// Installs the server in a virtual environment, if that has not been done yet, and returns its program.
fn install() -> Outcome<PathBuf> {
    let folder = root().join("target/object-store");
    let (marker, program) = (folder.join("installed"), folder.join("venv/bin/moto_server"));
    let wanted = PACKAGES.join(" ");
    if fs::read_to_string(&marker).is_ok_and(|found| found == wanted) {
        return Ok(program);
    }
    python::install()?;
    let venv = folder.join("venv");
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&venv))?;
    let mut pip = Command::new(venv.join("bin/python"));
    run(pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(PACKAGES))?;
    fs::write(&marker, wanted).map_err(|error| format!("{}: {error}", marker.display()))?;
    Ok(program)
}
