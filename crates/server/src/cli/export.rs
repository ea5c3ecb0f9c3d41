//! `novantra export`: writes the records of a workspace to stdout or to a file.

use std::{
    io::{self, BufWriter, IsTerminal as _, Write},
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};
use import::RecordKind;
use tempfile::NamedTempFile;

use crate::{
    cli::{CommandContext, KindsArg},
    compose::Installation,
    failure::{Failure, ResultExt as _},
    operations::{ExportFormat, Exporter, find_workspace},
};

#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    novantra export --workspace default > records.jsonl\n  \
    novantra export --workspace default --module risks --format csv --output risks.csv\n  \
    novantra export --workspace default --format xlsx --output records.xlsx")]
pub(crate) struct Export {
    /// The workspace whose records are written.
    #[arg(long, value_name = "SLUG")]
    workspace: String,
    #[command(flatten)]
    kinds: KindsArg,
    /// The form of the records: the lines of a bundle, which `novantra import bundle` takes, a table of one kind, or a
    /// workbook with a sheet for each kind.
    #[arg(long, value_enum, default_value_t = Format::Jsonl)]
    format: Format,
    /// The file to write, which must not exist yet [default: the standard output]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Jsonl,
    Csv,
    Xlsx,
}

impl From<Format> for ExportFormat {
    fn from(format: Format) -> Self {
        match format {
            Format::Jsonl => Self::JsonLines,
            Format::Csv => Self::Csv,
            Format::Xlsx => Self::Xlsx,
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
        let kinds =
            if self.format == Format::Csv { vec![self.kinds.only("--format csv")?] } else { self.kinds.all()? };
        if self.format == Format::Xlsx && self.output.is_none() && io::stdout().is_terminal() {
            return Err(Failure::usage("--format xlsx: a workbook can't be shown on a terminal; add --output FILE"));
        }
        Installation::with(&context.settings, async |installation| {
            let workspace = find_workspace(installation, &self.workspace).await?;
            let exporter = Exporter::new(&*installation.store, workspace.meta.id, self.format.into());
            match &self.output {
                Some(path) => write_file(exporter, &kinds, path).await,
                None => write_stdout(exporter, &kinds).await,
            }
        })
        .await
    }
}

async fn write_stdout(exporter: Exporter<'_>, kinds: &[&'static RecordKind]) -> Result<(), Failure> {
    let mut out = Stdout { inner: BufWriter::new(io::stdout()), is_closed: false };
    let written = exporter.export(kinds, &mut out).await.and_then(|()| Ok(out.flush()?));
    // A reader that has closed the pipe has read enough.
    if out.is_closed { Ok(()) } else { written }
}

/// Writes the file under another name, so that one that is not complete never has this name.
async fn write_file(exporter: Exporter<'_>, kinds: &[&'static RecordKind], path: &Path) -> Result<(), Failure> {
    let doing = || format!("can't write {}", path.display());
    if path.symlink_metadata().is_ok() {
        return Err(Failure::new(format!("{} exists already: remove it, or name another file", path.display())));
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut out = BufWriter::new(NamedTempFile::new_in(folder).context(doing)?);
    exporter.export(kinds, &mut out).await?;
    let file = out.into_inner().map_err(io::IntoInnerError::into_error).context(doing)?;
    file.as_file().sync_all().context(doing)?;
    file.persist_noclobber(path).context(doing)?;
    Ok(())
}
