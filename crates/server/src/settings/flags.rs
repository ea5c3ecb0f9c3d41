//! Settings as command line flags.

use std::collections::BTreeMap;

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::settings::{Availability, TABLE};

/// Adds a flag for every setting to the commands that have it, which is every command for most settings.
pub(crate) fn with_flags(command: Command) -> Command {
    let command = command.args(flags(Availability::Everywhere).map(|flag| flag.global(true)));
    [Availability::Serve, Availability::ServeAndProbe].into_iter().fold(command, |command, availability| {
        availability.commands().iter().fold(command, |command, name| {
            command.mut_subcommand(name, |subcommand| subcommand.args(flags(availability)))
        })
    })
}

/// The display order of the first setting, behind those of all other arguments.
const FIRST_DISPLAY_ORDER: usize = 1000;

fn flags(availability: Availability) -> impl Iterator<Item = Arg> {
    let settings = TABLE.iter().enumerate().filter(move |(_, setting)| setting.availability == availability);
    settings.flat_map(move |(index, setting)| {
        // In the order of the table, whichever commands have them.
        let order = FIRST_DISPLAY_ORDER + index;
        let default = setting.default.map_or_else(String::new, |default| format!(" [default: {default}]"));
        let help = format!("{}{default} [env: {}]", setting.help, setting.variable());
        let flag = Arg::new(setting.flag())
            .long(setting.flag())
            .value_name(setting.unit)
            .help(help)
            .action(if setting.list { ArgAction::Append } else { ArgAction::Set })
            .hide_short_help(availability == Availability::Everywhere)
            .display_order(order)
            .help_heading("Settings");
        let file_flag = setting.secret.then(|| {
            let name = format!("{}-file", setting.flag());
            Arg::new(name.clone())
                .long(name)
                .value_name("FILE")
                .help(format!("A file with the value of --{} [env: {}_FILE]", setting.flag(), setting.variable()))
                .hide_short_help(availability == Availability::Everywhere)
                .display_order(order)
                .help_heading("Settings")
        });
        std::iter::once(flag).chain(file_flag)
    })
}

/// Collects the values of the flags on the command line, by flag.
pub(crate) fn from_flags(matches: &ArgMatches) -> BTreeMap<String, String> {
    let mut flags = BTreeMap::new();
    let mut level = Some(matches);
    while let Some(matches) = level {
        for setting in TABLE {
            for name in [setting.flag(), format!("{}-file", setting.flag())] {
                if let Ok(Some(values)) = matches.try_get_many::<String>(&name) {
                    flags.insert(name, values.map(String::as_str).collect::<Vec<_>>().join(","));
                }
            }
        }
        level = matches.subcommand().map(|(_, matches)| matches);
    }
    flags
}
