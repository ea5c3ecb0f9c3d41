//! The command line.

use clap::{Parser, Subcommand};

use crate::{bare::Bare, context::Programs, failure::Outcome, sections::Section};

/// The benchmark, or with a command, one of its baseline programs.
#[derive(Debug, Parser)]
#[command(name = "novantra-bench", args_conflicts_with_subcommands = true)]
#[command(after_help = "Example:\n  cargo xtask bench reads pages")]
pub(crate) struct Program {
    #[command(flatten)]
    pub(crate) options: Options,
    #[command(subcommand)]
    pub(crate) bare: Option<Command>,
}

/// The baseline programs are part of the benchmark's binary, so that they are always built with it.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve fixed responses, or open a database and be ready.
    #[command(hide = true)]
    Bare(Bare),
}

impl Command {
    pub(crate) fn run(self) -> Outcome<()> {
        let Self::Bare(bare) = self;
        bare.run()
    }
}

/// The sections to measure and the programs to use.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The sections to measure; all if none is given.
    #[arg(value_enum, value_name = "SECTION")]
    sections: Vec<Section>,
    /// Print one JSON document on stdout instead of tables.
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) programs: Programs,
}

impl Options {
    pub(crate) fn sections(&self) -> Vec<Section> {
        let is_measured = |section: &Section| match self.sections.as_slice() {
            [] => self.programs.has_other_build() || !section.needs_other_build(),
            sections => sections.contains(section),
        };
        Section::ALL.iter().copied().filter(is_measured).collect()
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_definition_is_consistent() {
        Program::command().debug_assert();
    }

    #[test]
    fn sections_are_measured_in_a_fixed_order_and_all_if_none_is_given() {
        let sections = |arguments: &[&str]| {
            let program = ["novantra-bench"].iter().chain(arguments);
            Program::try_parse_from(program).unwrap().options.sections()
        };
        assert!(sections(&[]).iter().eq(Section::ALL.iter().filter(|section| !section.needs_other_build())));
        assert_eq!(sections(&["--compared", "novantra"]), Section::ALL);
        assert_eq!(sections(&["pages", "--json", "reads"]), [Section::Reads, Section::Pages]);
    }
}
