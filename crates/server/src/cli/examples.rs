//! The examples in help texts. A group of commands has those of its commands, so that each example is written once.

use clap::Command;

/// The start of the line with which an example begins.
const INDENT: &str = "  ";

/// Adds the first example of each command of a group to the help of the group, unless it has examples of its own.
pub(super) fn add_to_groups(command: Command) -> Command {
    let command = command.mut_subcommands(add_to_groups);
    if !command.has_subcommands() || command.get_after_help().is_some() {
        return command;
    }
    let first_examples = command.get_subcommands().filter_map(|subcommand| of(subcommand).into_iter().next());
    let lines: Vec<String> = first_examples.map(|example| format!("{INDENT}{example}")).collect();
    command.after_help(format!("Examples:\n{}", lines.join("\n")))
}

/// Returns the examples in the help of a command. An example continues on lines that are indented further.
pub(super) fn of(command: &Command) -> Vec<String> {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let mut examples: Vec<String> = Vec::new();
    for line in help.lines().filter_map(|line| line.strip_prefix(INDENT)) {
        match examples.last_mut() {
            Some(example) if line.starts_with(' ') => {
                example.push('\n');
                example.push_str(INDENT);
                example.push_str(line);
            }
            _ => examples.push(line.to_owned()),
        }
    }
    examples
}
