//! Python's package installer, which some checks need.

use std::process::Command;

use crate::{Outcome, debian, process::succeeds};

const MISSING: &str = "\
the checks of OSCAL exports and the webhook guides require python3 with pip. To install it:
  sudo apt-get install --yes python3-pip";

/// Whether Python has the module.
pub(crate) fn has_module(module: &str) -> bool {
    succeeds(Command::new("python3").args(["-m", module, "--help"]))
}

/// Installs pip unless it is there.
pub(crate) fn install_pip() -> Outcome {
    if !has_module("pip") {
        debian::install("python3-pip")?;
    }
    if has_module("pip") { Ok(()) } else { Err(MISSING.to_owned()) }
}
