//! Cargo tools that tasks need, installed where they are missing.

use std::process::Command;

use crate::{
    Outcome,
    process::{cargo, run, succeeds},
    root,
};

/// Returns the installed `name`, or else builds this version in `target/tools`, where later runs find it.
pub(crate) fn find_or_install(name: &str, version: &str) -> Outcome<Command> {
    if succeeds(Command::new(name).arg("--version")) {
        return Ok(Command::new(name));
    }
    let tools = root().join("target/tools");
    let installed = tools.join("bin").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    if !succeeds(Command::new(&installed).arg("--version")) {
        println!("{name} is not installed: building {version}, which takes some minutes");
        // Without optimization it builds in half the time, and it runs for a second or spends its time in the compiler.
        let install = ["install", name, "--debug", "--locked", "--version", version, "--root"];
        run(cargo(install).arg(&tools))?;
    }
    Ok(Command::new(installed))
}
