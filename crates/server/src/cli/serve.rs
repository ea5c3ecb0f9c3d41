//! `novantra serve`

use clap::Args;

use crate::{
    cli::CommandContext,
    compose::OpenMode,
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
    /// Begin a new installation although its master key or attachments exist already, and refuse to start on an existing
    /// one.
    #[arg(long, conflicts_with_all = ["no_migrate", "demo"])]
    new_installation: bool,
}

impl Serve {
    pub(crate) fn run(&self, context: CommandContext) -> Result<(), Failure> {
        let CommandContext { settings, output } = context;
        let options = ServeOptions {
            demo: self.demo,
            mode: match (self.no_migrate, self.new_installation) {
                (true, _) => OpenMode::ServeNoMigrate,
                (false, true) => OpenMode::ServeNew,
                (false, false) => OpenMode::Serve,
            },
        };
        serve::run(options, settings, |ready| output.print(&ready.document(), || ready.text()))
    }
}
