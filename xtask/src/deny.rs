//! Licences, bans and sources of what is depended on, by cargo-deny.

use std::process::Command;

use crate::{
    Outcome,
    process::{cargo, run, succeeds},
    root,
};

const VERSION: &str = "0.20.2";

pub(crate) fn check() -> Outcome {
    let mut check = program()?;
    // Advisories need a database from the network: another day's news would fail an unchanged tree.
    run(check.args(["check", "bans", "licenses", "sources"]).current_dir(root()))
}

/// The cargo-deny that is there, else one of our own beside the build, which no later run has to build again.
fn program() -> Outcome<Command> {
    if succeeds(Command::new("cargo-deny").arg("--version")) {
        return Ok(Command::new("cargo-deny"));
    }
    let tools = root().join("target/tools");
    let installed = tools.join("bin").join(format!("cargo-deny{}", std::env::consts::EXE_SUFFIX));
    if !succeeds(Command::new(&installed).arg("--version")) {
        println!("cargo-deny is not installed: building {VERSION}, which takes some minutes");
        // Without optimization: it builds in half the time and runs for a second.
        let install = ["install", "cargo-deny", "--debug", "--locked", "--version", VERSION, "--root"];
        run(cargo(install).arg(&tools))?;
    }
    Ok(Command::new(installed))
}
