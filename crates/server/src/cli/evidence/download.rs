//! `novantra evidence download`: writes the files of a claim, so that a reviewer can read them.

use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use tempfile::NamedTempFile;

use super::file_names::unique_file_names;
use crate::{
    cli::{CommandContext, ReasonArg},
    failure::{Failure, ResultExt as _},
    files::folder_of,
    operations::{EvidenceFile, Operator, find_files, find_workspace, record_downloads},
};

#[derive(Debug, Args)]
pub(crate) struct Download {
    /// The id of an attachment, or the key or the id of a claim for all of its attachments, as `show` shows them.
    #[arg(value_name = "ATTACHMENT_OR_CLAIM")]
    name: String,
    /// The workspace of the claim.
    #[arg(long, value_name = "SLUG")]
    workspace: String,
    /// The file to write; or a folder, for files with the names that they were uploaded with. A folder that does not exist
    /// is created for several files, or if its name ends with a slash [default: the current folder]
    #[arg(long, value_name = "FILE|FOLDER")]
    output: Option<PathBuf>,
    /// Overwrite existing files.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    reason: ReasonArg,
}

impl Download {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let download = async |operator: &Operator| {
            let workspace = find_workspace(&operator.installation, &self.workspace).await?;
            let files = find_files(&operator.installation, workspace.meta.id, &self.name).await?;
            let paths = self.paths(&files)?;
            let mut received = Vec::new();
            for (file, path) in files.iter().zip(&paths) {
                let folder = folder_of(path);
                let doing = || format!("can't write to {}", folder.display());
                let mut temporary = NamedTempFile::new_in(folder).context(doing)?;
                file.write_to(&operator.installation, &mut temporary).await?;
                temporary.as_file().sync_all().context(doing)?;
                received.push(temporary);
            }
            // After all bytes were verified, and before a file can be seen.
            record_downloads(operator, &workspace, &files).await?;
            for (temporary, path) in received.into_iter().zip(&paths) {
                let persisted = if self.force { temporary.persist(path) } else { temporary.persist_noclobber(path) };
                persisted.context(|| format!("can't create {}", path.display()))?;
            }
            Ok((files, paths))
        };
        let (files, paths) = context.operate("evidence download", &self.reason, download).await?;
        let written = || files.iter().map(|EvidenceFile { file, .. }| file).zip(&paths);
        let documents: Vec<_> = written()
            .map(|(file, path)| {
                json!({
                    "id": file.id.to_string(), "file_name": file.file_name.as_str(), "path": path, "size": file.size,
                    "sha256": file.sha256.as_str(),
                })
            })
            .collect();
        context.output.print(&json!({ "files": documents }), || {
            let line = |(file, path): (&evidence::AttachedFile, &PathBuf)| {
                format!("{}: {} bytes, sha256:{}", path.display(), file.size, file.sha256)
            };
            written().map(line).collect::<Vec<_>>().join("\n")
        })
    }

    /// The paths of the files. A folder for them is created.
    fn paths(&self, files: &[EvidenceFile]) -> Result<Vec<PathBuf>, Failure> {
        let output = self.output.as_deref().unwrap_or(Path::new("."));
        let is_folder =
            files.len() > 1 || output.is_dir() || output.as_os_str().as_encoded_bytes().last() == Some(&b'/');
        let paths: Vec<PathBuf> = if is_folder {
            let doing = || format!("can't create the folder {}", output.display());
            std::fs::create_dir_all(output).context(doing)?;
            let names = unique_file_names(files.iter().map(|file| &file.file));
            names.into_iter().map(|name| if self.output.is_none() { name.into() } else { output.join(name) }).collect()
        } else {
            vec![output.to_owned()]
        };
        let existing = paths.iter().find(|path| !self.force && path.symlink_metadata().is_ok());
        match existing {
            None => Ok(paths),
            Some(path) => Err(Failure::new(format!(
                "{} exists already and is not overwritten: choose another path with --output, or use --force",
                path.display()
            ))),
        }
    }
}
