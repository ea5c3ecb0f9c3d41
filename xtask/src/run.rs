//! `cargo xtask run`: the server, built and started in one step.

use std::process::Command;

use crate::{Outcome, process::cargo};

const RELEASE: &str = "--release";

pub(crate) fn run(mut arguments: Vec<String>) -> Outcome {
    let release = arguments.iter().position(|argument| argument == RELEASE).map(|at| arguments.remove(at));
    let mut command = cargo(["run", "--package", "novantra-server", "--bin", "novantra"]);
    command.args(release).args(["--", "serve"]).args(arguments);
    replace(command)
}

/// Becomes the program, so that a signal sent to this process stops the server and nothing stands between.
#[cfg(unix)]
fn replace(mut command: Command) -> Outcome {
    use std::os::unix::process::CommandExt;

    Err(format!("cargo can't be started: {}", command.exec()))
}

#[cfg(not(unix))]
fn replace(mut command: Command) -> Outcome {
    crate::process::run(&mut command)
}
