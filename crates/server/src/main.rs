//! The `novantra` program: composition of the crates, settings, commands and the server.

mod archive;
mod cli;
mod clock;
mod compose;
mod failure;
mod files;
mod logging;
mod operations;
mod permissions;
mod serve;
mod settings;
mod staging;
mod tls;

use std::process::ExitCode;

/// The system's allocator took a seventh of the time of an API request; a token request costs a quarter less with
/// mimalloc.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Only the owner may read databases, keys and backups, whichever library creates the file.
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
