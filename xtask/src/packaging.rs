//! Checks of the files in `docs/deploy`, as far as the programs of this machine allow; it prints what was not checked.

mod builder;
mod containerfile;
mod image;

use std::{env, fs, path::PathBuf, process::Command};

use crate::{
    Outcome,
    process::{cargo, output, run, succeeds},
    root,
};

const UNIT: &str = "docs/deploy/novantra.service";
const PROMETHEUS: &str = "docs/deploy/prometheus.yaml";

/// The program in the unit and in the image.
const INSTALLED_PROGRAM: &str = "/usr/local/bin/novantra";

/// Maximum exposure of the unit as `systemd-analyze security` rates it, in tenths of its scale from 0 to 10.
const MAX_EXPOSURE: &str = "20";

/// Checks the image, the unit and the configuration of Prometheus.
pub(crate) fn check() -> Outcome {
    run(&mut cargo(["build", "--package", "novantra-server"]))?;
    let checks: [fn() -> Outcome; 3] = [check_unit, check_alerts, image::check];
    let errors: Vec<String> = checks.iter().filter_map(|check| check().err()).collect();
    if errors.is_empty() { Ok(()) } else { Err(errors.join("\n")) }
}

/// Verifies the unit, with a program that exists on this machine.
fn check_unit() -> Outcome {
    if !succeeds(Command::new("systemd-analyze").arg("--version")) {
        println!("not checked: {UNIT}, because systemd-analyze is not installed");
        return Ok(());
    }
    let program = program()?;
    let unit = read(UNIT)?.replace(INSTALLED_PROGRAM, &program.display().to_string());
    let copy = scratch_folder("unit")?.join("novantra.service");
    fs::write(&copy, unit).map_err(|error| format!("{}: {error}", copy.display()))?;
    run(Command::new("systemd-analyze").arg("verify").arg(&copy))?;
    let security = ["security", "--no-pager", "--offline=true", "--threshold", MAX_EXPOSURE];
    output(Command::new("systemd-analyze").args(security).arg(&copy)).map(|_| println!("checked: {UNIT}"))
}

/// Checks the grammar of the alerts. The tests of the server check the metrics in them.
fn check_alerts() -> Outcome {
    if !succeeds(Command::new("promtool").arg("--version")) {
        println!("not checked: the grammar of {PROMETHEUS} and its alerts, because promtool is not installed");
        return Ok(());
    }
    run(Command::new("promtool").args(["check", "config", PROMETHEUS]).current_dir(root()))
}

/// The `novantra` beside this program, as `cargo build` made it.
fn program() -> Outcome<PathBuf> {
    let this = env::current_exe().map_err(|error| format!("this program can't find itself: {error}"))?;
    Ok(this.with_file_name(format!("novantra{}", env::consts::EXE_SUFFIX)))
}

/// An empty folder for the files of a check.
fn scratch_folder(name: &str) -> Outcome<PathBuf> {
    let folder = root().join("target/packaging").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(folder)
}

fn read(path: &str) -> Outcome<String> {
    fs::read_to_string(root().join(path)).map_err(|error| format!("{path}: {error}"))
}
