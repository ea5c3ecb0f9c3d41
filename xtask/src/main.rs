//! The project's tasks as commands: `cargo xtask help` lists them.

mod bench;
mod client_packages;
mod debian;
mod deny;
mod documents;
mod faketime;
mod mutants;
mod new_register;
mod object_store;
mod oscal_models;
mod packaging;
mod postgres;
mod process;
mod python;
mod redis;
mod run;
mod test;
mod tidy;
mod tools;
mod watched_server;

use std::{path::Path, process::ExitCode};

const HELP: &str = "\
Usage: cargo xtask COMMAND

  run [--release] [ARGUMENT…]   build novantra and start `novantra serve ARGUMENT…`
                                example: cargo xtask run --demo
  test [STEP…]                  run every check of CI, or only these steps
                                example: cargo xtask test fmt tidy
  tidy                          check the project's rules alone
  documents                     write the generated documents: docs/openapi.json and the rest
  openapi                       write docs/openapi.json alone
  bench [ARGUMENT…]             build for release and run the benchmarks
  mutants CRATE…                change these crates in many ways and count the changes that their tests notice
                                example: cargo xtask mutants findings auth
  new-register NAME [PLURAL] [/PATH]
                                scaffold a register: its domain file and list lines, then its migrations
                                example: cargo xtask new-register asset /assets
  help                          print this help
";

/// The result of a task; an error is a message for the user.
type Outcome<T = ()> = Result<T, String>;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_else(|| "help".to_owned());
    let arguments: Vec<String> = arguments.collect();
    let outcome = match command.as_str() {
        "run" => run::run(arguments),
        "test" => test::test(&arguments),
        "tidy" => tidy::tidy(),
        "documents" => documents::write(None),
        "openapi" => documents::write(Some("openapi")),
        "bench" => bench::bench(&arguments),
        "mutants" => mutants::mutants(&arguments),
        "new-register" => new_register::new_register(&arguments),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        unknown => {
            eprint!("unknown command {unknown:?}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}

/// Returns the root folder of the repository.
fn root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}
