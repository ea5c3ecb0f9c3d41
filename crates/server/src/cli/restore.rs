//! `novantra restore`: restores an installation from a file that `backup` created.

use std::{
    fs::{self, File},
    io::{BufReader, ErrorKind},
    path::{Path, PathBuf},
};

use clap::Args;
use serde_json::json;
use tempfile::TempPath;

use crate::{
    archive::{self, ATTACHMENTS, Unpacked},
    cli::{CommandContext, IdentityArg, backup::sync_folder, progress},
    compose::{self, Progress, Restored},
    failure::{Failure, ResultExt as _},
    files::folder_of,
    settings::{Database, Settings},
    staging::{self, StagingFolder},
};

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  novantra restore /srv/backup/novantra-2026-11-22.tar --data-dir /var/lib/novantra")]
pub(crate) struct Restore {
    /// A file that `novantra backup` created. Existing files and databases are not overwritten.
    file: PathBuf,
    #[command(flatten)]
    identity: IdentityArg,
}

impl Restore {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let settings = &context.settings;
        let attachments = settings.attachments.folder();
        let backup = File::open(&self.file).context(|| format!("can't open {}", self.file.display()))?;
        ensure_empty(settings).await?;

        // Each is unpacked in the folder of its target, so that one rename puts it there.
        let database_folder = match &settings.database {
            Database::Sqlite(file) => folder_of(file),
            _ => &settings.data_dir,
        };
        let files_folder = attachments.map_or(settings.data_dir.as_path(), folder_of);
        let [database, files] = [database_folder, files_folder].map(create_staging_folder);
        let (database_staging, files_staging) = (database?, files?);
        let database = database_staging.path().join("novantra.db");
        let files = files_staging.path().join(ATTACHMENTS);
        let unpacked = archive::unpack(BufReader::new(backup), &database, &files);
        let Unpacked { manifest, attachments: count } = unpacked.context(|| self.file.display().to_string())?;

        let bar = progress(None, "rows", context.output.is_text());
        let report = |Progress { copied, total }| {
            bar.set_length(total);
            bar.set_position(copied);
        };
        let restored = compose::restore(
            &database,
            &settings.database,
            settings.database_options.kind,
            self.identity.purpose(),
            &settings.master_key_file,
            &report,
        )
        .await;
        bar.finish_and_clear();
        let Restored { warning } = restored?;
        match attachments {
            _ if count == 0 => {}
            Some(attachments) => move_folder(&files, attachments)?,
            None => compose::store_restored(&files, &settings.attachments, &settings.data_dir).await?,
        }
        // The database comes last: with it the installation is complete.
        if let Database::Sqlite(path) = &settings.database {
            move_file(&database, path)?;
        }

        let document = json!({
            "made_at": manifest.made_at, "program": manifest.program, "schema": manifest.schema, "attachments": count,
            "without_attachments": manifest.without_attachments,
            "master_key": { "ok": warning.is_none(), "message": warning },
        });
        context.output.print(&document, || {
            let key = warning.as_ref().map_or_else(String::new, |warning| format!("{warning}\n"));
            let attachments = if manifest.without_attachments {
                "no attachments, which the backup does not contain: attachments_url must name the store that has them".to_owned()
            } else {
                format!("{count} attachments")
            };
            format!(
                "restored the database as of {} and {attachments}\n{key}{}\nnext: run `novantra audit verify`, then start the \
                 server",
                manifest.made_at,
                self.identity.description()
            )
        })
    }
}

/// Fails if the target exists already.
async fn ensure_empty(settings: &Settings) -> Result<(), Failure> {
    match &settings.database {
        Database::Memory => {
            return Err(Failure::new(
                "a memory: database exists only inside its server process; no command can reach it",
            ));
        }
        Database::Postgres(_) => {}
        Database::Sqlite(file) => {
            // SQLite would apply a left-over write-ahead log or journal to the restored database. One that holds
            // changes is refused here, with what helps.
            compose::ensure_no_stray_log(file)?;
            for suffix in ["", "-wal", "-journal"] {
                let path = PathBuf::from(format!("{}{suffix}", file.display()));
                if path.symlink_metadata().is_ok() {
                    return Err(Failure::new(format!("{} exists already and is not overwritten", path.display())));
                }
            }
        }
    }
    let Some(attachments) = settings.attachments.folder() else {
        return compose::ensure_no_attachments(&settings.attachments, &settings.data_dir).await;
    };
    match fs::read_dir(attachments) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        folder => {
            if folder.context(|| format!("can't read {}", attachments.display()))?.next().is_some() {
                return Err(Failure::new(format!(
                    "the folder {} contains files already, which are not overwritten",
                    attachments.display()
                )));
            }
        }
    }
    Ok(())
}

fn create_staging_folder(folder: &Path) -> Result<StagingFolder, Failure> {
    fs::create_dir_all(folder).context(|| format!("can't write to {}", folder.display()))?;
    StagingFolder::create(folder, staging::RESTORE)
}

fn move_folder(from: &Path, to: &Path) -> Result<(), Failure> {
    // An empty target folder may exist; the rename replaces it.
    fs::rename(from, to).context(|| format!("can't create {}", to.display()))?;
    sync_folder(folder_of(to))
}

fn move_file(from: &Path, to: &Path) -> Result<(), Failure> {
    let doing = || format!("can't create {}", to.display());
    TempPath::try_from_path(from).context(doing)?.persist_noclobber(to).context(doing)?;
    sync_folder(folder_of(to))
}
