//! Export of an audit log, for archiving and verification elsewhere.

use std::io::{self, BufWriter, Write};

use audit::ChainExport;

use crate::{
    cli::{CommandContext, audit::verify::find_log},
    compose::Installation,
    failure::Failure,
};

/// Writes a log to stdout as JSON lines. Each checkpoint follows the entry whose hash it signs.
///
/// # Errors
/// If the store fails or stdout can't be written.
pub(super) async fn export(context: &CommandContext, workspace: &str) -> Result<(), Failure> {
    Installation::with(&context.settings, async |installation| {
        let (_, organization) = find_log(installation, workspace).await?;
        let mut out = BufWriter::new(io::stdout().lock());
        let mut export = ChainExport::begin(&*installation.store, organization).await?;
        while let Some(lines) = export.next_lines(&*installation.store).await? {
            out.write_all(lines.as_bytes())?;
        }
        Ok(out.flush()?)
    })
    .await
}
