//! Settings as flags of the command line.

use std::collections::BTreeMap;

use clap::{Arg, ArgAction, ArgMatches, Command};

use crate::settings::{Reach, TABLE};

/// The command with a flag for every setting: those of the server on `serve`, the rest on every command.
pub(crate) fn with_flags(command: Command) -> Command {
    let command = command.args(flags(Reach::Everywhere).map(|flag| flag.global(true)));
    command.mut_subcommand("serve", |serve| serve.args(flags(Reach::Serve)))
}

fn flags(reach: Reach) -> impl Iterator<Item = Arg> {
    TABLE.iter().filter(move |setting| setting.reach == reach).flat_map(move |setting| {
        let default = setting.default.map_or_else(String::new, |default| format!(" [default: {default}]"));
        let help = format!("{}{default} [env: {}]", setting.help, setting.variable());
        let flag = Arg::new(setting.flag())
            .long(setting.flag())
            .value_name(setting.unit)
            .help(help)
            .action(if setting.list { ArgAction::Append } else { ArgAction::Set })
            .hide_short_help(reach == Reach::Everywhere)
            .help_heading("Settings");
        let held = setting.secret.then(|| {
            let name = format!("{}-file", setting.flag());
            Arg::new(name.clone())
                .long(name)
                .value_name("FILE")
                .help(format!("A file that holds --{} [env: {}_FILE]", setting.flag(), setting.variable()))
                .hide_short_help(reach == Reach::Everywhere)
                .help_heading("Settings")
        });
        std::iter::once(flag).chain(held)
    })
}

/// The flags that were given.
pub(crate) fn from_flags(matches: &ArgMatches) -> BTreeMap<String, String> {
    let mut given = BTreeMap::new();
    let mut level = Some(matches);
    while let Some(matches) = level {
        for setting in TABLE {
            for name in [setting.flag(), format!("{}-file", setting.flag())] {
                if let Ok(Some(values)) = matches.try_get_many::<String>(&name) {
                    given.insert(name, values.map(String::as_str).collect::<Vec<_>>().join(","));
                }
            }
        }
        level = matches.subcommand().map(|(_, matches)| matches);
    }
    given
}
