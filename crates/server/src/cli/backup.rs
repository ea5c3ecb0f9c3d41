//! `novantra backup`: the whole installation in one file, but for the master key.

use std::{
    fs::File,
    io::BufWriter,
    path::{Path, PathBuf},
};

use clap::Args;
use serde_json::json;

use crate::{
    archive::{self, ATTACHMENTS, FORMAT, Manifest},
    cli::Context,
    compose::{self, BackedUp},
    failure::{Context as _, Failure},
    settings::Database,
};

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  novantra backup /srv/backup/novantra-2026-11-22.tar")]
pub(crate) struct Backup {
    /// The file to make. One that is there is not overwritten.
    file: PathBuf,
}

impl Backup {
    pub(crate) async fn run(&self, context: &Context) -> Result<(), Failure> {
        let settings = &context.settings;
        let place = self.file.display();
        if let Database::Postgres(_) = settings.database {
            return Err(Failure::new(
                "a PostgreSQL installation is backed up with pg_dump: see docs/operating.md, \"Backup, restore, moving to \
                 PostgreSQL\"",
            ));
        }
        if self.file.symlink_metadata().is_ok() {
            return Err(Failure::new(format!("{place} is there already, and is not overwritten")));
        }
        // Beside the file, so that it can come to its place in one step; readable by its owner only.
        let folder = folder_of(&self.file);
        let doing = || format!("can't write to {}", folder.display());
        let staging = tempfile::Builder::new().prefix(".novantra-backup-").tempdir_in(folder).or_fail(doing)?;
        let database = staging.path().join("novantra.db");
        let BackedUp { schema, at } = compose::back_up(&settings.database, &database).await?;
        let manifest =
            Manifest { format: FORMAT, program: env!("CARGO_PKG_VERSION").to_owned(), schema, made_at: at.to_string() };
        let mut file = tempfile::NamedTempFile::new_in(staging.path()).or_fail(doing)?;
        let attachments = settings.data_dir.join(ATTACHMENTS);
        let seconds = u64::try_from(at.millis() / 1000).unwrap_or_default();
        let files = archive::pack(BufWriter::new(&mut file), &manifest, seconds, &database, &attachments)?;
        file.as_file().sync_all().or_fail(doing)?;
        let kept = file.persist_noclobber(&self.file).or_fail(|| format!("can't make {place}"))?;
        let bytes = kept.metadata().or_fail(doing)?.len();
        sync_folder(folder)?;

        let said = json!({
            "file": self.file, "bytes": bytes, "schema": schema, "made_at": manifest.made_at, "attachments": files,
        });
        context.output.show(&said, || {
            format!(
                "backed up to {place}: {bytes} bytes, the database as of {} and {files} attachments\n\
                 the master key is not in it: keep a copy of {} elsewhere",
                manifest.made_at,
                settings.master_key_file.display()
            )
        })
    }
}

/// The folder that a file is in.
pub(super) fn folder_of(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

/// Waits until what was put into a folder is there for good.
pub(super) fn sync_folder(folder: &Path) -> Result<(), Failure> {
    let doing = || format!("can't write to {}", folder.display());
    File::open(folder).or_fail(doing)?.sync_all().or_fail(doing)
}
