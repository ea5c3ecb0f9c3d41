//! The command line: its grammar and the dispatch of commands.

mod assessment;
mod audit;
mod backup;
mod check;
mod clock;
mod command_context;
mod copy;
mod evidence;
mod examples;
mod export;
mod identity_arg;
mod import;
mod installation;
mod kinds_arg;
mod migrate;
mod new_file;
mod output;
mod probe;
mod progress;
mod record;
mod restore;
mod serve;
mod service_account;
mod signing_key;
mod submission;
mod user;
mod webhooks;
mod workspace;

use std::path::PathBuf;

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::{
    failure::Failure,
    logging,
    settings::{self, Settings, Sources},
};

use command_context::{CommandContext, ReasonArg, seal};
use identity_arg::IdentityArg;
use kinds_arg::KindsArg;
use new_file::NewFile;
use output::{Output, columns, print_line};
use progress::progress;

/// Governance findings and controls over an API for integrations, with a complete audit log.
#[derive(Debug, Parser)]
#[command(name = "novantra", version, max_term_width = 120)]
#[command(after_help = "Example:\n  novantra serve --demo\n\nAll settings: novantra serve --help")]
struct CommandLine {
    /// Print the result to stdout as one JSON document.
    #[arg(long, global = true)]
    json: bool,
    /// The settings file. By default novantra.toml in the current directory is read, if it exists.
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server.
    Serve(serve::Serve),
    /// Create and list workspaces.
    #[command(subcommand)]
    Workspace(workspace::Workspace),
    /// Create, list and change service accounts.
    #[command(subcommand)]
    ServiceAccount(service_account::ServiceAccountCommand),
    /// Create, invite, list and change the people who sign in to the web app.
    #[command(subcommand)]
    User(user::UserCommand),
    /// List, rotate and retire the keys that sign access tokens.
    #[command(subcommand)]
    SigningKey(signing_key::SigningKey),
    /// Import records from files.
    #[command(subcommand)]
    Import(import::Import),
    /// Write the records of a workspace to stdout or to a file.
    Export(export::Export),
    /// List assessments, and start, complete, reopen, supersede and archive them.
    #[command(subcommand)]
    Assessment(assessment::AssessmentCommands),
    /// List submission packages, move them from draft to ready, and archive them.
    #[command(subcommand)]
    Submission(submission::SubmissionCommands),
    /// List, show, review and withdraw evidence claims.
    #[command(subcommand)]
    Evidence(evidence::Evidence),
    /// Verify and export the audit log.
    #[command(subcommand)]
    Audit(audit::Audit),
    /// Receive events while developing, list and repeat deliveries, and resume those of a copy.
    #[command(subcommand)]
    Webhooks(webhooks::Webhooks),
    /// Create an installation, show its identity, and renew that of a copy.
    #[command(subcommand)]
    Installation(installation::InstallationCommand),
    /// Accept the present time of the clock after it was wrong.
    #[command(subcommand)]
    Clock(clock::ClockCommand),
    /// Back up a SQLite installation to a file, even while its server runs.
    Backup(backup::Backup),
    /// Restore an installation from a backup.
    Restore(restore::Restore),
    /// Copy an installation to another database, in either direction between SQLite and PostgreSQL.
    Copy(copy::Copy),
    /// Migrate the database to the schema of this version of the program.
    Migrate(migrate::Migrate),
    /// Check settings, database, clock and keys, and report problems.
    Check(check::Check),
    /// Ask the running server on this machine whether it is ready, without a shell or curl: the health check of a container.
    Probe(probe::Probe),
    /// Print the OpenAPI document.
    #[command(after_help = "Example:\n  novantra openapi > openapi.json")]
    Openapi,
    /// Print the reference of all settings as Markdown.
    #[command(after_help = "Example:\n  novantra settings > docs/settings.md")]
    Settings,
}

/// The grammar of the command line: commands, flags of settings, and help texts.
fn grammar() -> clap::Command {
    examples::add_to_groups(settings::with_flags(CommandLine::command()))
}

/// Parses the command line and runs the command.
///
/// # Errors
/// The [`Failure`] that the process reports and exits with. If the arguments are invalid, clap prints its message and
/// exits here.
pub(crate) fn run() -> Result<(), Failure> {
    let matches = grammar().get_matches();
    let command_line = CommandLine::from_arg_matches(&matches).map_err(|error| Failure::usage(error.to_string()))?;
    let output = Output::new(command_line.json);
    let read = || read_settings(&matches, command_line.config.clone());
    match command_line.command {
        Command::Openapi => print_line(&api_v1::openapi()),
        Command::Settings => print_line(&settings::reference()),
        Command::Audit(audit::Audit::Verify(verify)) if !verify.files.is_empty() => audit::verify_file(&verify, output),
        Command::Check(check) => {
            let settings = read();
            if let Ok(settings) = &settings {
                logging::start(settings, logging::Process::Command);
            }
            block_on(check.run(settings, output))
        }
        Command::Serve(serve) => {
            let settings = read().map_err(Failure::usage)?;
            logging::start(&settings, logging::Process::Server);
            serve.run(CommandContext { settings, output })
        }
        Command::Workspace(command) => with_context(read(), output, |context| block_on(command.run(&context))),
        Command::ServiceAccount(command) => with_context(read(), output, |context| block_on(command.run(&context))),
        Command::User(command) => with_context(read(), output, |context| block_on(command.run(&context))),
        Command::SigningKey(command) => with_context(read(), output, |context| block_on(command.run(&context))),
        Command::Import(command) => with_context(read(), output, |context| block_on(command.run(&context))),
        Command::Export(command) => with_context(read(), output, |context| block_on(command.run(&context))),
        Command::Assessment(command) => with_context(read(), output, |context| block_on(command.run(&context))),
        Command::Submission(command) => with_context(read(), output, |context| block_on(command.run(&context))),
        Command::Evidence(command) => with_context(read(), output, |context| block_on(command.run(&context))),
        Command::Audit(command) => with_context(read(), output, |context| block_on(command.run(&context))),
        Command::Webhooks(command) => with_context(read(), output, |context| block_on(command.run(&context))),
        Command::Installation(command) => with_context(read(), output, |context| block_on(command.run(&context))),
        Command::Clock(command) => with_context(read(), output, |context| block_on(command.run(&context))),
        Command::Backup(command) => with_context(read(), output, |context| block_on(command.run(&context))),
        Command::Restore(command) => with_context(read(), output, |context| block_on(command.run(&context))),
        Command::Copy(command) => with_context(read(), output, |context| block_on(command.run(&context))),
        Command::Migrate(command) => with_context(read(), output, |context| block_on(command.run(&context))),
        Command::Probe(command) => with_context(read(), output, |context| block_on(command.run(&context))),
    }
}

fn with_context(
    settings: Result<Settings, String>,
    output: Output,
    run: impl FnOnce(CommandContext) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let settings = settings.map_err(Failure::usage)?;
    logging::start(&settings, logging::Process::Command);
    run(CommandContext { settings, output })
}

fn block_on(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(command)
}

fn read_settings(matches: &ArgMatches, config: Option<PathBuf>) -> Result<Settings, String> {
    let sources = Sources::from_process(settings::from_flags(matches), config)?;
    settings::collect(&sources).and_then(|values| Settings::parse(&values)).map_err(|errors| errors.join("; "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_grammar_is_consistent() {
        grammar().debug_assert();
    }

    #[test]
    fn every_command_and_group_of_commands_has_an_example_of_its_own_that_parses() {
        let grammar = grammar();
        check_examples(&grammar, &grammar, &mut vec![grammar.get_name()]);
    }

    #[test]
    fn settings_are_listed_in_the_order_of_their_reference_and_no_word_of_a_summary_is_code() {
        let mut grammar = grammar();
        grammar.build();
        let serve = grammar.find_subcommand_mut("serve").unwrap().render_long_help().to_string();
        let positions: Vec<usize> = settings::TABLE
            .iter()
            .map(|setting| setting.flag())
            .map(|name| serve.find(&format!("--{name} ")).unwrap_or_else(|| panic!("no --{name}: {serve}")))
            .collect();
        assert!(positions.is_sorted(), "{positions:?}");
        check_summaries(&grammar);
    }

    fn check_summaries(command: &clap::Command) {
        let summary = command.get_about().map(ToString::to_string).unwrap_or_default();
        assert!(!summary.contains('`'), "{}: {summary}", command.get_name());
        command.get_subcommands().for_each(check_summaries);
    }

    /// Checks the examples of a command with this path, and those of its subcommands.
    fn check_examples<'a>(grammar: &clap::Command, command: &'a clap::Command, path: &mut Vec<&'a str>) {
        let name = path.join(" ");
        let command_lines = examples::of(command);
        assert!(!command_lines.is_empty(), "the help of `{name}` has no example");
        for line in command_lines {
            let words = shlex::split(&shell_command(&line)).unwrap();
            assert!(
                words.starts_with(&path.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>()),
                "{name}: {line}"
            );
            let parsed = grammar.clone().try_get_matches_from(&words);
            assert!(parsed.is_ok(), "{name}: {line}: {}", parsed.unwrap_err());
        }
        for subcommand in command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set()) {
            path.push(subcommand.get_name());
            check_examples(grammar, subcommand, path);
            path.pop();
        }
    }

    /// The command of an example on one line, without what its input comes from and its output goes to.
    fn shell_command(example: &str) -> String {
        let line = example.replace("\\\n", " ");
        let command = line.rsplit_once(" | ").map_or(&*line, |(_, command)| command);
        command.split_once(" > ").map_or(command, |(command, _)| command).to_owned()
    }
}
