//! `novantra import …`: checks all files, then writes the records in batches, each atomic with its audit entries.

mod bundle;
mod document;
mod failed_rows;
mod input;
mod scan;
mod summary;
mod table;
mod table_drafts;
mod table_summary;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use import::{
    Document, Unreadable, cyclonedx,
    oscal::{self, CatalogFile, FrameworkOptions},
};
use kernel::{RecordKey, Reference, VersionKey};
use registers::FrameworkSource;

use crate::{
    cli::{CommandContext, ReasonArg, progress},
    failure::{Failure, ResultExt as _},
    operations::{Importer, Operator, find_workspace},
};

use bundle::Bundle;
use document::Documents;
use input::Input;
use scan::{Scans, StatusOptions};
use summary::{DocumentSummary, Summary};

#[derive(Debug, Subcommand)]
pub(crate) enum Import {
    /// Import the findings of a static analyzer in SARIF 2.1.0. An existing finding keeps its status.
    #[command(after_help = "Examples:\n  \
        novantra import sarif scan.sarif --workspace default --dry-run\n  \
        scanner --format sarif | novantra import sarif - --workspace default --scope portal --close-missing")]
    Sarif(Scan),
    /// Import an OSCAL catalog: a framework, its version, and a node for each group and control.
    #[command(
        after_help = "Example:\n  novantra import oscal-catalog NIST_SP-800-53_rev5_catalog.json --workspace default"
    )]
    OscalCatalog(Catalog),
    /// Import an OSCAL profile, such as a baseline: a framework with the controls that it selects from catalogs.
    #[command(after_help = "Example:\n  \
        novantra import oscal-profile moderate.json --catalog NIST_SP-800-53_rev5_catalog.json --workspace default")]
    OscalProfile(Profile),
    /// Import OSCAL assessment results: findings that are not satisfied, risks, and observations as evidence.
    #[command(after_help = "Example:\n  novantra import oscal-assessment-results results.json --workspace default")]
    OscalAssessmentResults(Files),
    /// Import an OSCAL plan of action and milestones: findings, risks, and observations as evidence.
    #[command(after_help = "Example:\n  novantra import oscal-poam poam.json --workspace default")]
    OscalPoam(Files),
    #[command(
        about = "Import CycloneDX 1.2 to 1.6 in JSON: components become assets, vulnerabilities and VEX become vulnerabilities"
    )]
    #[command(after_help = "Examples:\n  \
        novantra import cyclonedx bom.json vex.json --workspace default\n  \
        novantra import cyclonedx bom.json --workspace default --scope portal --retire-missing --dry-run")]
    Cyclonedx(BillOfMaterials),
    /// Import records of any kind in Novantra's own JSON lines format, which novantra export writes.
    #[command(after_help = "Example:\n  novantra import bundle controls.jsonl findings.jsonl --workspace default")]
    Bundle(Files),
    /// Import a table in CSV: records of one kind, whose fields the header names.
    #[command(after_help = "Examples:\n  \
        novantra import csv risks.csv --workspace default --module risks --dry-run\n  \
        novantra import csv risks.csv --workspace default --module risks --map riskKey=ID,title=B --date-format dmy\n  \
        novantra import csv risks.csv --workspace default --module risks --map-value status:Open=identified --failed failed.csv")]
    Csv(table::Csv),
    /// Import a table in an Excel workbook (.xlsx): records of one kind, whose fields the header names.
    #[command(after_help = "Example:\n  \
        novantra import xlsx register.xlsx --workspace default --module risks --sheet Risks --dry-run")]
    Xlsx(table::Xlsx),
}

#[derive(Debug, Args)]
pub(crate) struct Files {
    /// The files to import; - is the standard input.
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
    /// Reopen the findings that an import has closed and that the scan reports again. What others have closed stays closed,
    /// and so do duplicates.
    #[arg(long, requires = "close_missing")]
    reopen: bool,
}

#[derive(Debug, Args)]
pub(crate) struct BillOfMaterials {
    #[command(flatten)]
    files: Files,
    /// The product that the files are about. Vulnerabilities of different products are different vulnerabilities
    /// [default: the component that each file is about, without its version]
    #[arg(long, value_name = "SCOPE")]
    scope: Option<String>,
    /// Retire the assets of the same product that its bill of materials no longer has. Assets that other products have, or
    /// that were recorded in another way, stay as they are.
    #[arg(long)]
    retire_missing: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Framework {
    /// The key of the framework [default: made of the identifier or the title in the file]
    #[arg(long, value_name = "KEY", value_parser = |key: &str| RecordKey::parse(key))]
    framework_key: Option<RecordKey>,
    /// The key of the version [default: the version in the file]
    #[arg(long, value_name = "KEY", value_parser = |key: &str| VersionKey::parse(key))]
    version_key: Option<VersionKey>,
    /// The origin of the framework: standard, internal, regulation or contract [default: that which an export of Novantra
    /// states, otherwise that of the framework, or standard for a new one]
    #[arg(long, value_name = "ORIGIN", value_parser = source_kind)]
    source_kind: Option<FrameworkSource>,
    /// Also create a control, as a draft, for each requirement and enhancement that is not withdrawn. A control that exists
    /// stays as it is.
    #[arg(long)]
    with_controls: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Catalog {
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    framework: Framework,
}

#[derive(Debug, Args)]
pub(crate) struct Profile {
    #[command(flatten)]
    files: Files,
    /// A catalog from which the profile selects controls. May be repeated: an import of the profile selects from the catalog
    /// whose UUID or file name it states.
    #[arg(long, value_name = "FILE", required = true)]
    catalog: Vec<PathBuf>,
    #[command(flatten)]
    framework: Framework,
}

fn source_kind(name: &str) -> Result<FrameworkSource, String> {
    let names: Vec<&str> = FrameworkSource::ALL.iter().map(|source| source.name()).collect();
    let found = FrameworkSource::ALL.iter().copied().find(|source| source.name() == name);
    found.ok_or_else(|| format!("must be one of: {}", names.join(", ")))
}

impl Framework {
    fn options(&self) -> FrameworkOptions {
        FrameworkOptions {
            framework_key: self.framework_key.clone(),
            version_key: self.version_key.clone(),
            source_kind: self.source_kind,
            with_controls: self.with_controls,
        }
    }
}

impl Catalog {
    async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let options = self.framework.options();
        self.files.run_each(context, "import oscal-catalog", |bytes| oscal::read_catalog(bytes, &options)).await
    }
}

impl Profile {
    async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let options = self.framework.options();
        let inputs = Input::all(&self.catalog)?;
        let catalogs = inputs.iter().map(document::bytes).collect::<Result<Vec<_>, Failure>>();
        let catalogs = catalogs.map_err(|failure| refused(context, failure))?;
        for (input, catalog) in inputs.iter().zip(&catalogs) {
            let read = oscal::read_catalog(catalog, &FrameworkOptions::default()).context(|| input.name());
            read.map_err(|failure| refused(context, failure))?;
        }
        let names: Vec<String> = inputs.iter().map(Input::name).collect();
        let catalogs = names.iter().zip(&catalogs).map(|(name, bytes)| CatalogFile { name, bytes });
        let catalogs: Vec<CatalogFile<'_>> = catalogs.collect();
        let read = |bytes: &[u8]| oscal::read_profile(bytes, &catalogs, &options);
        self.files.run_each(context, "import oscal-profile", read).await
    }
}

impl Import {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        match self {
            Self::Sarif(scan) => scan.run(context).await,
            Self::OscalCatalog(catalog) => catalog.run(context).await,
            Self::OscalProfile(profile) => profile.run(context).await,
            Self::OscalAssessmentResults(files) => {
                files.run_each(context, "import oscal-assessment-results", oscal::read_assessment_results).await
            }
            Self::OscalPoam(files) => files.run_each(context, "import oscal-poam", oscal::read_plan_of_action).await,
            Self::Cyclonedx(bill) => bill.run(context).await,
            Self::Bundle(files) => files.run_bundle(context).await,
            Self::Csv(csv) => csv.run(context).await,
            Self::Xlsx(xlsx) => xlsx.run(context).await,
        }
    }
}

impl BillOfMaterials {
    async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let scope = parse_scope(self.scope.as_deref())?;
        let scope = scope.as_ref().map(Reference::as_str);
        let read =
            |contents: &[Vec<u8>]| cyclonedx::read(&contents.iter().map(Vec::as_slice).collect::<Vec<_>>(), scope);
        self.files.run_documents(context, "import cyclonedx", self.retire_missing, read).await
    }
}

fn parse_scope(scope: Option<&str>) -> Result<Option<Reference>, Failure> {
    let scope = scope.map(Reference::parse).transpose();
    scope.map_err(|error| Failure::usage(format!("--scope {error}")))
}

impl Scan {
    async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let scope = parse_scope(self.scope.as_deref())?;
        let scans = Scans::read(&self.files.inputs()?, scope.as_ref());
        let scans = scans.map_err(|failure| refused(context, failure))?;
        let records = scans.len();
        let write = async |importer: Importer<'_>, report: &dyn Fn(usize)| {
            let options = StatusOptions { close_missing: self.close_missing, reopen: self.reopen };
            scans.import(&importer, options, report).await
        };
        self.files.import(context, "import sarif", records, write).await
    }
}

impl Files {
    async fn run_bundle(&self, context: &CommandContext) -> Result<(), Failure> {
        let bundle = Bundle::read(self.inputs()?);
        let (mut bundle, failures) = bundle.map_err(|failure| refused(context, failure))?;
        let records = bundle.len();
        let write = async |importer: Importer<'_>, report: &dyn Fn(usize)| {
            let (counts, failures) = importer.import_drafts(&mut bundle, failures, report).await?;
            let document = (!bundle.warnings().is_empty()).then(|| DocumentSummary::of_warnings(bundle.warnings()));
            Ok(Summary { document, ..Summary::of_drafts(counts, failures, bundle.inputs()) })
        };
        self.import(context, "import bundle", records, write).await
    }

    /// Imports documents that don't refer to each other.
    async fn run_each(
        &self,
        context: &CommandContext,
        command: &'static str,
        read: impl Fn(&[u8]) -> Result<Document, Unreadable>,
    ) -> Result<(), Failure> {
        let read = |contents: &[Vec<u8>]| contents.iter().map(|bytes| read(bytes)).collect();
        self.run_documents(context, command, false, read).await
    }

    async fn run_documents(
        &self,
        context: &CommandContext,
        command: &'static str,
        retires_missing: bool,
        read: impl FnOnce(&[Vec<u8>]) -> Vec<Result<Document, Unreadable>>,
    ) -> Result<(), Failure> {
        let documents = Documents::read(self.inputs()?, read).map_err(|failure| refused(context, failure))?;
        let records = documents.len();
        let write = async |importer: Importer<'_>, report: &dyn Fn(usize)| {
            documents.import(&importer, retires_missing, report).await
        };
        self.import(context, command, records, write).await
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
            failed => {
                let total = summary.total();
                let records = if total == 1 { "record" } else { "records" };
                Err(Failure::new(format!("{failed} of {total} {records} could not be imported")))
            }
        }
    }
}

/// Prints the summary of an import that is refused as a whole, for scripts. Returns the failure, or that of the output.
fn refused(context: &CommandContext, failure: Failure) -> Failure {
    refused_with(context, &Summary::of_refused(), failure)
}

fn refused_with(context: &CommandContext, summary: &Summary, failure: Failure) -> Failure {
    let mut document = summary.document();
    document["error"] = failure.to_string().into();
    context.output.print(&document, String::new).err().unwrap_or(failure)
}
