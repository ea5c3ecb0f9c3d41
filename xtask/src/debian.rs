//! The installation of system packages that tests need.

use std::process::Command;

use postgres_cluster::is_root;

use crate::{
    Outcome,
    process::{run, succeeds},
};

/// Installs a package if the system is Debian-like and this process may. Otherwise it does nothing, and the caller
/// prints what to install.
pub(crate) fn install(package: &str) -> Outcome {
    if !is_root() || !succeeds(Command::new("apt-get").arg("--version")) {
        return Ok(());
    }
    println!("{package} is not installed: installing it");
    let apt = || {
        let mut apt = Command::new("apt-get");
        apt.env("DEBIAN_FRONTEND", "noninteractive");
        apt
    };
    run(apt().arg("update"))?;
    run(apt().args(["install", "--yes", "--no-install-recommends", package]))
}
