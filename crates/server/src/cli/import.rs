//! `novantra import …`: read a file whole, then write it in batches, each stored with its audit entries or not at all.

mod read;
mod summary;
mod write;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::{
    cli::{Context, Operator, Why, progress},
    failure::Failure,
};

use read::{Content, Format};
use summary::Summary;
use write::Importer;

#[derive(Debug, Subcommand)]
pub(crate) enum Import {
    /// Findings of a static analyzer, in SARIF 2.1.0. A finding that is there keeps its status.
    #[command(after_help = "Example:\n  novantra import sarif scan.sarif --workspace default --dry-run")]
    Sarif(Files),
    /// Controls and findings, in the project's own JSON lines.
    #[command(after_help = "Example:\n  novantra import bundle controls.jsonl findings.jsonl --workspace default")]
    Bundle(Files),
}

#[derive(Debug, Args)]
pub(crate) struct Files {
    /// The files to import.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The workspace to import into.
    #[arg(long, value_name = "SLUG")]
    workspace: String,
    /// Say what would change, and change nothing.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    why: Why,
}

impl Import {
    pub(crate) async fn run(&self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Sarif(files) => files.run(context, "import sarif", Format::Sarif).await,
            Self::Bundle(files) => files.run(context, "import bundle", Format::Bundle).await,
        }
    }
}

impl Files {
    async fn run(&self, context: &Context, command: &'static str, format: Format) -> Result<(), Failure> {
        // Every file is read before anything is written: one that is no such file leaves nothing half done.
        let content = Content::read(&self.files, format)?;
        let import = async |operator: &Operator| self.import(context, operator, content).await;
        let summary = Operator::work(context, command, &self.why, import).await?;
        context.output.show(&summary.document(), || summary.words(self.dry_run))?;
        match summary.failures.len() {
            0 => Ok(()),
            failed => Err(Failure::new(format!("{failed} of {} records could not be imported", summary.total()))),
        }
    }

    async fn import(&self, context: &Context, operator: &Operator, content: Content) -> Result<Summary, Failure> {
        let workspace = operator.workspace(&self.workspace).await?;
        let bar = progress(u64::try_from(content.len()).ok(), "records", context.output.is_for_people());
        let mut importer = Importer::new(operator, &workspace, self.dry_run, &bar);
        let imported = importer.import(content).await;
        bar.finish_and_clear();
        imported
    }
}
