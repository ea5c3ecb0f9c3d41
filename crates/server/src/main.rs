//! The `novantra` program: what it is composed of, its settings, its commands and its server.

mod archive;
mod cli;
mod clock;
mod compose;
mod failure;
mod logging;
mod sealing;
mod serve;
mod settings;
mod signing_keys;
mod tls;

use std::process::ExitCode;

/// A seventh of a call was the system's allocator; a token call costs a quarter less with this one.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Databases, keys and backups are their owner's alone, whichever library makes the file.
    #[cfg(unix)]
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
    match cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("novantra: {failure}");
            failure.exit_code()
        }
    }
}
