//! `cargo xtask test`: every check of CI, from a clean checkout on a fresh machine.

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::{
    Outcome,
    client_packages::ClientPackages,
    deny, documents, faketime,
    object_store::{self, S3Server},
    oscal_models, packaging,
    postgres::Database,
    process::{cargo, run},
    redis::{self, Redis},
    root, tidy,
};

/// A check.
struct Step {
    name: &'static str,
    description: &'static str,
    check: fn() -> Outcome<Tally>,
}

/// The numbers of passed and failed checks.
#[derive(Clone, Default, Debug, PartialEq)]
struct Tally {
    passed: u64,
    failed: u64,
    /// The beginning of what each failed test printed, which the end of a long log repeats.
    excerpts: Vec<String>,
}

/// The most lines of a failed test that the summary repeats.
const MAX_EXCERPT_LINES: usize = 8;

/// The most characters of such a line.
const MAX_LINE_CHARACTERS: usize = 400;

const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        description: "sources are formatted",
        check: || single_check(run(&mut cargo(["fmt", "--all", "--check"]))),
    },
    Step { name: "tidy", description: "the project's rules are met", check: || single_check(tidy::tidy()) },
    Step { name: "clippy", description: "no lint warns", check: clippy },
    Step { name: "tests", description: "unit, property, contract and end-to-end tests", check: tests },
    Step { name: "doctests", description: "examples in the documentation", check: doc_tests },
    Step {
        name: "documents",
        description: "generated documents are up to date",
        check: || single_check(documents::check()),
    },
    Step {
        name: "packaging",
        description: "container image, systemd unit and alerts",
        check: || single_check(packaging::check()),
    },
    Step {
        name: "deny",
        description: "licences, bans and sources of dependencies",
        check: || single_check(deny::check()),
    },
];

pub(crate) fn test(names: &[String]) -> Outcome {
    if let Some(unknown) = names.iter().find(|name| STEPS.iter().all(|step| step.name != **name)) {
        let step_names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        return Err(format!("unknown step {unknown:?}; the steps are {}", step_names.join(", ")));
    }
    let steps = STEPS.iter().filter(|step| names.is_empty() || names.iter().any(|name| name == step.name));
    let results: Vec<_> = steps.map(run_step).collect();
    println!("\n── summary");
    let mut total = Tally::default();
    for (step, elapsed, tally) in &results {
        let status = if tally.failed == 0 { "ok" } else { "FAILED" };
        println!("{status:>6} {:>7.1} s  {:<10} {}", elapsed.as_secs_f64(), step.name, step.description);
        total = total.plus(tally.clone());
    }
    for excerpt in &total.excerpts {
        println!("\n{excerpt}");
    }
    println!("\n{} passed, {} failed", total.passed, total.failed);
    if total.failed == 0 { Ok(()) } else { Err("some checks failed".to_owned()) }
}

fn run_step(step: &'static Step) -> (&'static Step, Duration, Tally) {
    println!("\n── {}: {}", step.name, step.description);
    let started = Instant::now();
    let tally = (step.check)().unwrap_or_else(|message| {
        eprintln!("{message}");
        Tally { failed: 1, ..Tally::default() }
    });
    (step, started.elapsed(), tally)
}

fn single_check(outcome: Outcome) -> Outcome<Tally> {
    outcome.map(|()| Tally { passed: 1, ..Tally::default() })
}

fn clippy() -> Outcome<Tally> {
    single_check(run(&mut cargo(["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"])))
}

fn tests() -> Outcome<Tally> {
    const TESTS: [&str; 3] = ["test", "--workspace", "--all-targets"];
    run(cargo(TESTS).arg("--no-run"))?;
    let database = Database::for_tests()?;
    let redis = Redis::for_tests()?;
    let s3 = S3Server::for_tests()?;
    let mut tests = cargo(TESTS);
    tests.arg("--no-fail-fast").env("NOVANTRA_TEST_POSTGRES_URL", database.url());
    tests.env(redis::URL_VARIABLE, redis.url());
    tests.env(object_store::URL_VARIABLE, s3.url());
    tests.env(faketime::PATH_VARIABLE, faketime::find_or_install()?);
    tests.env(oscal_models::PATH_VARIABLE, oscal_models::find_or_install()?);
    ClientPackages::download()?.configure(&mut tests);
    run_and_count(with_real_files(&mut tests))
}

fn doc_tests() -> Outcome<Tally> {
    run_and_count(&mut cargo(["test", "--workspace", "--doc", "--no-fail-fast"]))
}

/// Passes the folder of real files to the tests, if it is beside the repository and no other is set.
fn with_real_files(tests: &mut Command) -> &mut Command {
    const NAME: &str = "NOVANTRA_TEST_DATA";
    let beside = root().join("../shared/data");
    match (std::env::var_os(NAME), beside.canonicalize()) {
        (None, Ok(folder)) => tests.env(NAME, folder),
        _ => tests,
    }
}

/// Runs tests, with their output shown, and counts them by the last line of each test program.
fn run_and_count(tests: &mut Command) -> Outcome<Tally> {
    let mut running =
        tests.stdout(Stdio::piped()).spawn().map_err(|error| format!("cargo can't be started: {error}"))?;
    let mut tally = Tally::default();
    let mut failures = Failures::default();
    for line in running.stdout.take().map(BufReader::new).into_iter().flat_map(BufReader::lines) {
        let Ok(line) = line else { break };
        println!("{line}");
        failures.read(&line);
        tally = tally.plus(parse_result_line(&line));
    }
    tally.excerpts = failures.excerpts;
    let status = running.wait().map_err(|error| error.to_string())?;
    if !status.success() && tally.failed == 0 {
        // A program that was killed or did not compile prints no result line.
        tally.failed = 1;
    }
    Ok(tally)
}

/// Parses the counts of a line such as `test result: ok. 9 passed; 0 failed; …`.
fn parse_result_line(line: &str) -> Tally {
    let Some(result) = line.strip_prefix("test result: ") else { return Tally::default() };
    let number = |word: &str| {
        let before = result.split_once(word).map(|(before, _)| before.trim_end());
        before.and_then(|before| before.rsplit(' ').next()?.parse().ok()).unwrap_or(0)
    };
    Tally { passed: number(" passed"), failed: number(" failed"), excerpts: Vec::new() }
}

/// Finds what failed tests printed in the output of test programs.
#[derive(Default)]
struct Failures {
    excerpts: Vec<String>,
    /// The lines that the excerpt of the last failed test still takes.
    remaining: usize,
}

impl Failures {
    fn read(&mut self, line: &str) {
        if line.starts_with("---- ") && line.ends_with(" ----") {
            self.excerpts.push(line.to_owned());
            self.remaining = MAX_EXCERPT_LINES;
        } else if line == "failures:" {
            self.remaining = 0;
        } else if let (Some(excerpt), false, true) = (self.excerpts.last_mut(), line.is_empty(), self.remaining > 0) {
            excerpt.push('\n');
            excerpt.extend(line.chars().take(MAX_LINE_CHARACTERS));
            self.remaining -= 1;
        }
    }
}

impl Tally {
    fn plus(mut self, other: Self) -> Self {
        self.excerpts.extend(other.excerpts);
        Self { passed: self.passed + other.passed, failed: self.failed + other.failed, excerpts: self.excerpts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_result_line_of_a_test_program_is_parsed() {
        let line = "test result: FAILED. 12 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        assert_eq!(parse_result_line(line), Tally { passed: 12, failed: 3, excerpts: Vec::new() });
        assert_eq!(
            parse_result_line("test result: \u{1b}[32mok\u{1b}[0m. 9 passed; 0 failed; 0 ignored"),
            Tally { passed: 9, ..Tally::default() }
        );
        assert_eq!(parse_result_line("running 9 tests"), Tally::default());
    }

    #[test]
    fn the_summary_repeats_the_beginning_of_what_each_failed_test_printed() {
        let mut failures = Failures::default();
        let many_lines = "a line of a backtrace\n".repeat(2 * MAX_EXCERPT_LINES);
        let output = format!(
            "test first ... FAILED\n\nfailures:\n\n---- first stdout ----\n\nthread 'first' panicked:\nleft: 1\n\n\
             ---- second stdout ----\n{many_lines}\nfailures:\n    first\n    second\n"
        );
        output.lines().for_each(|line| failures.read(line));
        let [first, second] = &failures.excerpts[..] else { panic!("{:?}", failures.excerpts) };
        assert_eq!(first, "---- first stdout ----\nthread 'first' panicked:\nleft: 1");
        assert_eq!(second.lines().count(), 1 + MAX_EXCERPT_LINES);
    }
}
