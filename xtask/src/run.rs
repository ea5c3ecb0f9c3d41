//! `cargo xtask run`: builds and starts the server.

use std::process::Command;

use crate::{Outcome, process::cargo};

const RELEASE: &str = "--release";

pub(crate) fn run(mut arguments: Vec<String>) -> Outcome {
    let release = arguments.iter().position(|argument| argument == RELEASE).map(|at| arguments.remove(at));
    let mut command = cargo(["run", "--package", "novantra-server", "--bin", "novantra"]);
    command.args(release).args(["--", "serve"]).args(arguments);
    replace(command)
}

/// Replaces this process by the program, so that signals sent to this process reach the server directly.
#[cfg(unix)]
fn replace(mut command: Command) -> Outcome {
    use std::os::unix::process::CommandExt;

    Err(format!("cargo can't be started: {}", command.exec()))
}

#[cfg(not(unix))]
fn replace(mut command: Command) -> Outcome {
    crate::process::run(&mut command)
}
