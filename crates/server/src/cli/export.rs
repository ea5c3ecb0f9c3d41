//! `novantra export`: writes the records of a workspace to stdout.

mod oscal;

use std::{
    collections::BTreeSet,
    io::{self, BufWriter, Write},
};

use clap::{Args, ValueEnum};
use import::{RecordKind, oscal::ExportModel};

use crate::{
    cli::CommandContext,
    compose::Installation,
    failure::Failure,
    operations::{ExportFormat, Exporter, find_workspace},
};

use oscal::OscalArgs;

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// The workspace whose records are written.
    #[arg(long, value_name = "SLUG")]
    workspace: String,
    /// Only the records of this module, such as frameworks or findings.
    #[arg(long, value_name = "MODULE")]
    module: Option<String>,
    /// Only the records of this kind, as bundles name it.
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// The form of the records: the lines of a bundle, which `novantra import bundle` takes, or a table of one kind.
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    format: Format,
    #[command(flatten)]
    oscal: OscalArgs,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    Jsonl,
    Csv,
    /// One version of a framework as an OSCAL catalog
    OscalCatalog,
    /// All findings and risks as an OSCAL plan of action and milestones
    OscalPoam,
    /// Assessments with their findings as OSCAL assessment results
    OscalAssessmentResults,
}

/// The format of records, or the model of a document that they become.
enum Target {
    Records(ExportFormat),
    Document(ExportModel),
}

impl From<Format> for Target {
    fn from(format: Format) -> Self {
        match format {
            Format::Jsonl => Self::Records(ExportFormat::JsonLines),
            Format::Csv => Self::Records(ExportFormat::Csv),
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

impl Export {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let target = Target::from(self.format);
        self.oscal.check(if let Target::Document(model) = target { Some(model) } else { None })?;
        let kinds = self.kinds()?;
        Installation::with(&context.settings, async |installation| {
            let mut out = Stdout { inner: BufWriter::new(io::stdout().lock()), is_closed: false };
            let written = match target {
                Target::Records(format) => self.export_records(installation, format, &kinds, &mut out).await,
                Target::Document(model) => self.export_document(installation, model, context, &mut out).await,
            };
            // A reader that has closed the pipe has read enough.
            if out.is_closed { Ok(()) } else { written }
        })
        .await
    }

    async fn export_records(
        &self,
        installation: &Installation,
        format: ExportFormat,
        kinds: &[&'static RecordKind],
        out: &mut impl Write,
    ) -> Result<(), Failure> {
        let workspace = find_workspace(installation, &self.workspace).await?;
        let exporter = Exporter::new(&*installation.store, workspace.meta.id, format);
        exporter.export(kinds, out).await?;
        Ok(out.flush()?)
    }

    /// Writes a document, and on stderr what it does not have.
    async fn export_document(
        &self,
        installation: &Installation,
        model: ExportModel,
        context: &CommandContext,
        out: &mut impl Write,
    ) -> Result<(), Failure> {
        if self.module.is_some() || self.kind.is_some() {
            let format = model.format();
            return Err(Failure::usage(format!(
                "--module and --kind are not for --format {format}: its kinds are fixed"
            )));
        }
        let losses = self.oscal.export(model, installation, &self.workspace, out).await?;
        out.flush()?;
        let report = if context.output.is_text() {
            oscal::report_text(&losses)
        } else {
            oscal::report_document(&losses).to_string()
        };
        if !report.is_empty() {
            // The document is complete, whether its report can be written or not.
            drop(writeln!(io::stderr(), "{report}"));
        }
        Ok(())
    }

    /// The kinds whose records are written.
    fn kinds(&self) -> Result<Vec<&'static RecordKind>, Failure> {
        let module_of = |kind: &RecordKind| api_v1::module(kind.kind).unwrap_or_default();
        let in_module = |kind: &&RecordKind| self.module.as_ref().is_none_or(|module| module_of(kind) == module);
        let is_kind = |kind: &&RecordKind| self.kind.as_ref().is_none_or(|name| kind.name() == *name);
        let modules: BTreeSet<&str> = RecordKind::all().iter().map(module_of).collect();
        if let Some(module) = self.module.as_ref().filter(|module| !modules.contains(module.as_str())) {
            let modules = modules.into_iter().collect::<Vec<_>>().join(", ");
            return Err(Failure::usage(format!("--module {module}: must be one of: {modules}")));
        }
        let of_module: Vec<&RecordKind> = RecordKind::all().iter().filter(in_module).collect();
        let names = of_module.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ");
        let kinds: Vec<_> = of_module.into_iter().filter(is_kind).collect();
        if let (Some(kind), true) = (&self.kind, kinds.is_empty()) {
            return Err(Failure::usage(format!("--kind {kind}: must be one of: {names}")));
        }
        if matches!(self.format, Format::Csv) && kinds.len() > 1 {
            return Err(Failure::usage(format!(
                "--format csv: a table has records of one kind; add --kind with one of: {names}"
            )));
        }
        Ok(kinds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_belongs_to_a_module() {
        for kind in RecordKind::all() {
            assert!(api_v1::module(kind.kind).is_some_and(|module| !module.is_empty()), "{}", kind.name());
        }
    }
}
