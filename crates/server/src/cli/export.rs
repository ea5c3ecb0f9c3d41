//! `novantra export`: writes the records of a workspace to stdout or to a file.

mod oscal;

use std::{
    io::{self, BufWriter, IsTerminal as _, Write},
    path::PathBuf,
};

use clap::{Args, ValueEnum};
use import::oscal::ExportModel;
use serde_json::{Map, Value, json};

use crate::{
    cli::{CommandContext, KindsArg, NewFile, Output, print_line},
    compose::Installation,
    failure::Failure,
    operations::{ExportFormat, Exporter, find_workspace},
};

use oscal::OscalArgs;

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    novantra export --workspace default > records.jsonl\n  \
    novantra export --workspace default --kind measurement --format csv > measurements.csv\n  \
    novantra export --workspace default --format xlsx --output records.xlsx\n  \
    novantra export --workspace default --format oscal-catalog --framework-version nist-800-53/5.0.1 --output catalog.json\n  \
    novantra export --workspace default --format oscal-poam --output poam.json")]
pub(crate) struct Export {
    /// The workspace whose records are written.
    #[arg(long, value_name = "SLUG")]
    workspace: String,
    #[command(flatten)]
    kinds: KindsArg,
    /// The form of the records: the lines of a bundle, which `novantra import bundle` takes, a table of one kind, a
    /// workbook with a sheet for each kind, or OSCAL: one version of a framework as a catalog, all findings and risks as a
    /// plan of action, or assessments with their findings as assessment results. With OSCAL, stderr has what the file can't
    /// carry; with --json and --output, stdout has it.
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    format: Format,
    /// The file to write, which must not exist yet. Then stderr has the number of records, or stdout with --json
    /// [default: the standard output]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    oscal: OscalArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Jsonl,
    Csv,
    Xlsx,
    OscalCatalog,
    OscalPoam,
    OscalAssessmentResults,
}

/// The format of records, or the model of a document that they become.
#[derive(Clone, Copy)]
enum Target {
    Records(ExportFormat),
    Document(ExportModel),
}

impl From<Format> for Target {
    fn from(format: Format) -> Self {
        match format {
            Format::Jsonl => Self::Records(ExportFormat::JsonLines),
            Format::Csv => Self::Records(ExportFormat::Csv),
            Format::Xlsx => Self::Records(ExportFormat::Xlsx),
            Format::OscalCatalog => Self::Document(ExportModel::Catalog),
            Format::OscalPoam => Self::Document(ExportModel::PlanOfAction),
            Format::OscalAssessmentResults => Self::Document(ExportModel::AssessmentResults),
        }
    }
}

/// The standard output, which notes that its reader has closed it.
struct Stdout<W> {
    inner: W,
    is_closed: bool,
}

impl<W: Write> Stdout<W> {
    fn note<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        self.is_closed |= result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
        result
    }
}

impl<W: Write> Write for Stdout<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes);
        self.note(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.inner.flush();
        self.note(flushed)
    }
}

/// A writer of a document or of records: a file or the standard output.
type Out<'o> = &'o mut (dyn Write + Send);

impl Export {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let target = Target::from(self.format);
        self.oscal.check(match target {
            Target::Document(model) if self.kinds.is_any() => Some(model),
            Target::Document(model) => {
                let format = model.format();
                return Err(Failure::usage(format!(
                    "--module and --kind are not for --format {format}: its kinds are fixed"
                )));
            }
            Target::Records(_) => None,
        })?;
        let kinds =
            if self.format == Format::Csv { vec![self.kinds.only("--format csv")?] } else { self.kinds.all()? };
        if self.format == Format::Xlsx && self.output.is_none() && io::stdout().is_terminal() {
            return Err(Failure::usage("--format xlsx: a workbook can't be shown on a terminal; add --output FILE"));
        }
        let report = Installation::with(&context.settings, async |installation| {
            let workspace = find_workspace(installation, &self.workspace).await?;
            let write = async |mut out: Out<'_>| match target {
                Target::Records(format) => {
                    let exporter = Exporter::new(&*installation.store, workspace.meta.id, format);
                    let counts = exporter.export(&kinds, &mut out).await;
                    counts.map(|counts| self.output.as_ref().map(|_| Report::of_counts(&counts)))
                }
                Target::Document(model) => {
                    let losses = self.oscal.export(model, installation, &workspace, &mut out).await;
                    losses.map(|losses| Some(oscal::report(&losses)))
                }
            };
            match &self.output {
                Some(path) => {
                    let mut file = NewFile::create(path)?;
                    let report = write(file.writer()).await?;
                    file.complete().map(|()| report)
                }
                None => write_stdout(write).await,
            }
        })
        .await?;
        report.map_or(Ok(()), |report| report.print(context.output, self.output.is_some()))
    }
}

/// The report about an export.
struct Report {
    text: String,
    document: Value,
}

impl Report {
    /// The numbers of records of each kind.
    fn of_counts(counts: &[(String, u64)]) -> Self {
        let records: u64 = counts.iter().map(|(_, count)| count).sum();
        let text = format!("exported {records} {}", if records == 1 { "record" } else { "records" });
        let by_kind: Map<String, Value> = counts.iter().map(|(kind, count)| (kind.clone(), json!(count))).collect();
        Self { text, document: json!({ "records": records, "byKind": by_kind }) }
    }

    /// Prints the report: on stderr, since stdout may have the records; with `--json` on stdout, if a file has them.
    fn print(&self, output: Output, has_file: bool) -> Result<(), Failure> {
        let report = if output.is_text() { self.text.clone() } else { self.document.to_string() };
        if has_file && !output.is_text() {
            return print_line(&report);
        }
        if !report.is_empty() {
            // The export is complete, whether its report can be written or not.
            drop(writeln!(io::stderr(), "{report}"));
        }
        Ok(())
    }
}

/// Writes to the standard output. Returns what `write` does, unless the reader has closed the pipe: then it has read
/// enough.
async fn write_stdout<T>(write: impl AsyncFnOnce(Out<'_>) -> Result<Option<T>, Failure>) -> Result<Option<T>, Failure> {
    let mut out = Stdout { inner: BufWriter::new(io::stdout()), is_closed: false };
    let written = write(&mut out).await.and_then(|written| Ok(out.flush().map(|()| written)?));
    if out.is_closed { Ok(None) } else { written }
}
