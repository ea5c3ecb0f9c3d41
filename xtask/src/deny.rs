//! Checks the licences, bans and sources of dependencies with cargo-deny.

use crate::{Outcome, process::run, root, tools};

const VERSION: &str = "0.20.2";

pub(crate) fn check() -> Outcome {
    let mut check = tools::find_or_install("cargo-deny", VERSION)?;
    // Advisories need a database from the network, by which an unchanged tree could fail from one day to the next.
    run(check.args(["check", "bans", "licenses", "sources"]).current_dir(root()))
}
