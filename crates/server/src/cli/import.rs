//! `novantra import …`: reads all files, then writes the records in batches, each atomic with its audit entries.

mod read;
mod summary;

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::{
    cli::{CommandContext, ReasonArg, progress},
    failure::Failure,
    operations::{Importer, Operator, find_workspace},
};

use read::{Content, Format};
use summary::Summary;

#[derive(Debug, Subcommand)]
pub(crate) enum Import {
    /// Import the findings of a static analyzer in SARIF 2.1.0. An existing finding keeps its status.
    #[command(after_help = "Example:\n  novantra import sarif scan.sarif --workspace default --dry-run")]
    Sarif(Files),
    /// Import controls and findings in Novantra's own JSON lines format.
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
    /// Print what would change without changing anything.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    reason: ReasonArg,
}

impl Import {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        match self {
            Self::Sarif(files) => files.run(context, "import sarif", Format::Sarif).await,
            Self::Bundle(files) => files.run(context, "import bundle", Format::Bundle).await,
        }
    }
}

impl Files {
    async fn run(&self, context: &CommandContext, command: &'static str, format: Format) -> Result<(), Failure> {
        // All files are read before the first write, so that an invalid file does not leave a partial import behind.
        let content = Content::read(&self.files, format)?;
        let import = async |operator: &Operator| self.import(context, operator, content).await;
        let summary = context.operate(command, &self.reason, import).await?;
        context.output.print(&summary.document(), || summary.text(self.dry_run))?;
        match summary.failures.len() {
            0 => Ok(()),
            failed => Err(Failure::new(format!("{failed} of {} records could not be imported", summary.total()))),
        }
    }

    async fn import(
        &self,
        context: &CommandContext,
        operator: &Operator,
        content: Content,
    ) -> Result<Summary, Failure> {
        let workspace = find_workspace(&operator.installation, &self.workspace).await?;
        let bar = progress(u64::try_from(content.len()).ok(), "records", context.output.is_text());
        let importer = Importer::new(operator, &workspace, self.dry_run);
        let report = |imported| bar.inc(u64::try_from(imported).unwrap_or_default());
        let counts = importer.import(&content.controls, &content.findings, report).await;
        bar.finish_and_clear();
        Ok(Summary { counts: counts?, failures: content.failures, skipped: content.skipped })
    }
}
