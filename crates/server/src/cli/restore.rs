//! `novantra restore`: an installation from the file that `backup` made.

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
    cli::{
        Context,
        backup::{folder_of, sync_folder},
        progress,
    },
    compose::{self, Progress, Restored},
    failure::{Context as _, Failure},
    serve::ServerLock,
    settings::{Database, Settings},
};

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  novantra restore /srv/backup/novantra-2026-11-22.tar --data-dir /var/lib/novantra")]
pub(crate) struct Restore {
    /// A file that `backup` made. Nothing that is there is overwritten.
    file: PathBuf,
}

impl Restore {
    pub(crate) async fn run(&self, context: &Context) -> Result<(), Failure> {
        let settings = &context.settings;
        let attachments = settings.data_dir.join(ATTACHMENTS);
        let backup = File::open(&self.file).or_fail(|| format!("can't open {}", self.file.display()))?;
        let _lock = vacant(settings, &attachments)?;

        // Each beside its place, so that it can come there in one step.
        let database_folder = match &settings.database {
            Database::Sqlite(file) => folder_of(file),
            _ => &settings.data_dir,
        };
        let [database, files] = [database_folder, &settings.data_dir].map(staging);
        let (database_staging, files_staging) = (database?, files?);
        let database = database_staging.path().join("novantra.db");
        let files = files_staging.path().join(ATTACHMENTS);
        let unpacked = archive::unpack(BufReader::new(backup), &database, &files);
        let Unpacked { manifest, attachments: count } = unpacked.or_fail(|| self.file.display().to_string())?;

        let bar = progress(None, "rows", context.output.is_for_people());
        let report = |Progress { copied, total }| {
            bar.set_length(total);
            bar.set_position(copied);
        };
        let restored = compose::restore(&database, &settings.database, &settings.master_key_file, &report).await;
        bar.finish_and_clear();
        let Restored { doubt } = restored?;
        if count > 0 {
            move_folder(&files, &attachments)?;
        }
        // Last, because with it the installation is there.
        if let Database::Sqlite(place) = &settings.database {
            move_file(&database, place)?;
        }

        let said = json!({
            "made_at": manifest.made_at, "program": manifest.program, "schema": manifest.schema, "attachments": count,
            "master_key": { "ok": doubt.is_none(), "message": doubt },
        });
        context.output.show(&said, || {
            let key = doubt.as_ref().map_or_else(String::new, |doubt| format!("{doubt}\n"));
            format!(
                "restored the database as of {} and {count} attachments\n{key}next: run `novantra audit verify`, then start the \
                 server",
                manifest.made_at
            )
        })
    }
}

/// Refuses where something is there already, and keeps servers away.
fn vacant(settings: &Settings, attachments: &Path) -> Result<ServerLock, Failure> {
    match &settings.database {
        Database::Memory => {
            return Err(Failure::new("a memory: database lives in its server; no command can reach it"));
        }
        Database::Postgres(_) => {}
        Database::Sqlite(file) => {
            // A log that was left behind would be taken for that of the database that is to come.
            for suffix in ["", "-wal", "-journal"] {
                let path = PathBuf::from(format!("{}{suffix}", file.display()));
                if path.symlink_metadata().is_ok() {
                    return Err(Failure::new(format!("{} is there already, and is not overwritten", path.display())));
                }
            }
        }
    }
    match fs::read_dir(attachments) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        folder => {
            if folder.or_fail(|| format!("can't read {}", attachments.display()))?.next().is_some() {
                return Err(Failure::new(format!(
                    "the folder {} has files already, which are not overwritten",
                    attachments.display()
                )));
            }
        }
    }
    ServerLock::take_from_servers(&settings.database)
}

fn staging(folder: &Path) -> Result<tempfile::TempDir, Failure> {
    let doing = || format!("can't write to {}", folder.display());
    fs::create_dir_all(folder).or_fail(doing)?;
    tempfile::Builder::new().prefix(".novantra-restore-").tempdir_in(folder).or_fail(doing)
}

fn move_folder(from: &Path, to: &Path) -> Result<(), Failure> {
    // An empty one may be there, which gives way.
    fs::rename(from, to).or_fail(|| format!("can't make {}", to.display()))?;
    sync_folder(folder_of(to))
}

fn move_file(from: &Path, to: &Path) -> Result<(), Failure> {
    let doing = || format!("can't make {}", to.display());
    TempPath::try_from_path(from).or_fail(doing)?.persist_noclobber(to).or_fail(doing)?;
    sync_folder(folder_of(to))
}
