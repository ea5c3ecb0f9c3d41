//! `novantra import …`: checks all files, then writes the records in batches, each atomic with its audit entries.

mod bundle;
mod input;
mod scan;
mod summary;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use kernel::Reference;

use crate::{
    cli::{CommandContext, ReasonArg, progress},
    failure::Failure,
    operations::{Importer, Operator, find_workspace},
};

use bundle::Bundle;
use input::Input;
use scan::Scans;
use summary::{FailedLine, Summary};

#[derive(Debug, Subcommand)]
pub(crate) enum Import {
    /// Import the findings of a static analyzer in SARIF 2.1.0. An existing finding keeps its status.
    #[command(after_help = "Examples:\n  \
        novantra import sarif scan.sarif --workspace default --dry-run\n  \
        scanner --format sarif | novantra import sarif - --workspace default --scope portal --close-missing")]
    Sarif(Scan),
    /// Import records of any kind in Novantra's own JSON lines format, which `novantra export` writes.
    #[command(after_help = "Example:\n  novantra import bundle controls.jsonl findings.jsonl --workspace default")]
    Bundle(Files),
}

#[derive(Debug, Args)]
pub(crate) struct Files {
    /// The files to import; `-` is the standard input.
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

#[derive(Debug, Args)]
pub(crate) struct Scan {
    #[command(flatten)]
    files: Files,
    /// The repository, image or other thing that the tool was run on. Findings of different scopes are different findings
    /// [default: the files' automationDetails.id without the segment that names the run]
    #[arg(long, value_name = "SCOPE")]
    scope: Option<String>,
    /// Close the findings of the same tool and scope that a complete scan no longer reports, and accept those that it
    /// reports as suppressed.
    #[arg(long)]
    close_missing: bool,
}

impl Import {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        match self {
            Self::Sarif(scan) => scan.run(context).await,
            Self::Bundle(files) => files.run_bundle(context).await,
        }
    }
}

impl Scan {
    async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let scope = self.scope.as_deref().map(Reference::parse).transpose();
        let scope = scope.map_err(|error| Failure::usage(format!("--scope {error}")))?;
        let scans = Scans::read(&self.files.inputs()?, scope.as_ref())?;
        let records = scans.len();
        let write = async |importer: Importer<'_>, report: &dyn Fn(usize)| {
            scans.import(&importer, self.close_missing, report).await
        };
        self.files.import(context, "import sarif", records, write).await
    }
}

impl Files {
    async fn run_bundle(&self, context: &CommandContext) -> Result<(), Failure> {
        let (mut bundle, failures) = Bundle::read(self.inputs()?)?;
        let records = bundle.len();
        let write = async |importer: Importer<'_>, report: &dyn Fn(usize)| {
            let (counts, failures) = importer.import_drafts(&mut bundle, failures, report).await?;
            let failed = failures.count();
            let line = |(file, failure): (usize, _)| Some(FailedLine::new(bundle.inputs().get(file)?, failure));
            let failures: Vec<FailedLine> = failures.into_listed().into_iter().filter_map(line).collect();
            Ok(Summary { counts, unlisted_failures: failed - failures.len(), failures, scan: None })
        };
        self.import(context, "import bundle", records, write).await
    }

    /// The files, all of which are checked before the first write, so that an invalid file does not leave a partial import
    /// behind.
    fn inputs(&self) -> Result<Vec<Input>, Failure> {
        Input::all(&self.files)
    }

    /// Opens the installation, calls `write`, and prints the summary that it returns.
    async fn import(
        &self,
        context: &CommandContext,
        command: &'static str,
        records: usize,
        write: impl AsyncFnOnce(Importer<'_>, &dyn Fn(usize)) -> Result<Summary, Failure>,
    ) -> Result<(), Failure> {
        let import = async |operator: &Operator| {
            let workspace = find_workspace(&operator.installation, &self.workspace).await?;
            let bar = progress(u64::try_from(records).ok(), "records", context.output.is_text());
            let importer = Importer::new(operator, &workspace, self.dry_run);
            let report = |written: usize| bar.inc(u64::try_from(written).unwrap_or_default());
            let summary = write(importer, &report).await;
            bar.finish_and_clear();
            summary
        };
        let summary = context.operate(command, &self.reason, import).await?;
        context.output.print(&summary.document(), || summary.text(self.dry_run))?;
        match summary.failed() {
            0 => Ok(()),
            failed => Err(Failure::new(format!("{failed} of {} records could not be imported", summary.total()))),
        }
    }
}
