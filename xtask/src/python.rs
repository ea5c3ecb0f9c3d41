//! Python's package installer and virtual environments, which some tests need.

use std::process::Command;

use crate::{Outcome, debian, process::succeeds};

const MISSING: &str = "\
the tests of guides, clients, object stores and OSCAL exports require python3 3.11 or later with pip and venv. To
install them:
  sudo apt-get install --yes python3-venv python3-pip";

/// Installs pip and venv unless they are there.
pub(crate) fn install() -> Outcome {
    for (package, is_installed) in [("python3-pip", has_pip as fn() -> bool), ("python3-venv", has_venv)] {
        if !is_installed() {
            debian::install(package)?;
        }
        if !is_installed() {
            return Err(MISSING.to_owned());
        }
    }
    Ok(())
}

fn has_pip() -> bool {
    succeeds(Command::new("python3").args(["-m", "pip", "--help"]))
}

/// Debian's own Python has venv, but only the package has ensurepip, which venv needs.
fn has_venv() -> bool {
    let imports = |module: &str| succeeds(Command::new("python3").args(["-c", &format!("import {module}")]));
    imports("venv") && imports("ensurepip")
}
