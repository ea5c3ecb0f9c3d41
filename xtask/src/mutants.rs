//! `cargo xtask mutants CRATE…`: how many deliberate changes of a crate its own tests notice, by cargo-mutants.

use std::{fs, path::Path};

use crate::{Outcome, root, tools};

const VERSION: &str = "27.1.0";

/// The share of changes that the tests of a domain crate must notice.
const MIN_CAUGHT_PERCENT: usize = 85;

/// Seconds after which a change that makes a test run forever counts as noticed.
const TIMEOUT_SECONDS: &str = "60";

/// The counts of one run, by the lists that cargo-mutants writes. Changes that do not compile count nowhere.
struct Counts {
    caught: usize,
    missed: usize,
}

pub(crate) fn mutants(crates: &[String]) -> Outcome {
    if crates.is_empty() {
        return Err("name at least one crate, for example: cargo xtask mutants findings".to_owned());
    }
    let mut below = Vec::new();
    let mut summaries = Vec::new();
    for name in crates {
        let counts = run(name)?;
        let percent = counts.percent();
        summaries.push(format!("{name}: {percent} % ({} noticed, {} missed)", counts.caught, counts.missed));
        if percent < MIN_CAUGHT_PERCENT {
            below.push(name.as_str());
        }
    }
    println!("\n{}", summaries.join("\n"));
    if below.is_empty() { Ok(()) } else { Err(format!("below {MIN_CAUGHT_PERCENT} %: {}", below.join(", "))) }
}

fn run(name: &str) -> Outcome<Counts> {
    let folder = root().join("target/mutants").join(name);
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut command = tools::find_or_install("cargo-mutants", VERSION)?;
    command.args(["mutants", "--package", &format!("novantra-{name}"), "--timeout", TIMEOUT_SECONDS, "--output"]);
    // It fails when changes were missed, which the counts say more exactly.
    let status = command.arg(&folder).current_dir(root()).status();
    status.map_err(|error| format!("cargo-mutants can't be started: {error}"))?;
    let output = folder.join("mutants.out");
    let (caught, timed_out) = (count(&output.join("caught.txt"))?, count(&output.join("timeout.txt"))?);
    Ok(Counts { caught: caught + timed_out, missed: count(&output.join("missed.txt"))? })
}

fn count(list: &Path) -> Outcome<usize> {
    let text = fs::read_to_string(list).map_err(|error| format!("{}: {error}", list.display()))?;
    Ok(text.lines().count())
}

impl Counts {
    /// Rounded down; 100 where there was nothing to change.
    fn percent(&self) -> usize {
        (self.caught * 100).checked_div(self.caught + self.missed).unwrap_or(100)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_noticed_changes_is_rounded_down() {
        assert_eq!(Counts { caught: 169, missed: 30 }.percent(), 84);
        assert_eq!(Counts { caught: 0, missed: 0 }.percent(), 100);
    }
}
