//! `novantra serve`

use clap::Args;

use crate::{
    cli::CommandContext,
    failure::Failure,
    serve::{self, ServeOptions},
};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  novantra serve\n  novantra serve --demo\n  novantra serve --listen 127.0.0.1:0 --data-dir /srv/novantra"
)]
pub(crate) struct Serve {
    /// Serve a sample workspace from a temporary folder.
    #[arg(long)]
    demo: bool,
    /// Don't migrate the database, and refuse to start if its schema is not that of this program.
    #[arg(long)]
    no_migrate: bool,
}

impl Serve {
    pub(crate) fn run(&self, context: CommandContext) -> Result<(), Failure> {
        let CommandContext { settings, output } = context;
        let options = ServeOptions { demo: self.demo, migrate: !self.no_migrate };
        serve::run(options, settings, |ready| output.print(&ready.document(), || ready.text()))
    }
}
