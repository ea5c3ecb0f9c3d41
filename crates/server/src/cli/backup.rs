//! `novantra backup`: writes the whole installation, except the master key, to one file.

use std::{
    fs::File,
    io::BufWriter,
    path::{Path, PathBuf},
};

use clap::Args;
use serde_json::json;

use crate::{
    archive::{self, FORMAT, Manifest},
    cli::CommandContext,
    compose::{self, DatabaseBackup, NamedContents},
    failure::{Failure, ResultExt as _},
    files::folder_of,
    settings::Database,
    staging::{self, StagingFolder},
};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  novantra backup /srv/backup/novantra-2026-11-22.tar\n  novantra backup /srv/backup/novantra-2026-11-22.tar --without-attachments"
)]
pub(crate) struct Backup {
    /// The file to create. An existing file is not overwritten.
    file: PathBuf,
    /// Leave out the attachments, for example because their bucket has backups of its own.
    #[arg(long)]
    without_attachments: bool,
}

impl Backup {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let settings = &context.settings;
        let path = self.file.display();
        if let Database::Postgres(_) = settings.database {
            return Err(Failure::new(
                "a PostgreSQL installation is backed up with pg_dump: see docs/operating.md, \"Backup, restore, moving to \
                 PostgreSQL\"",
            ));
        }
        if self.file.symlink_metadata().is_ok() {
            return Err(Failure::new(format!("{path} exists already and is not overwritten")));
        }
        // In the same folder as the file, so that one rename puts it there; only the owner can read it.
        let folder = folder_of(&self.file);
        let doing = || format!("can't write to {}", folder.display());
        let staging = StagingFolder::create(folder, staging::BACKUP)?;
        let database = staging.path().join("novantra.db");
        let DatabaseBackup { schema, at } = compose::back_up(settings, &database).await?;
        let manifest = Manifest {
            format: FORMAT,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            schema,
            made_at: at.to_string(),
            without_attachments: self.without_attachments,
        };
        let file = tempfile::NamedTempFile::new_in(staging.path()).context(doing)?;
        let mut attachments = if self.without_attachments {
            None
        } else {
            compose::stored_attachments(settings, NamedContents::of_file(&database).await?).await?
        };
        let seconds = u64::try_from(at.millis() / 1000).unwrap_or_default();
        // On a thread of its own, because the archive is written by calls that block.
        let packed = tokio::task::spawn_blocking(move || {
            let mut file = file;
            let files = archive::pack(BufWriter::new(&mut file), &manifest, seconds, &database, &mut attachments)?;
            Ok::<_, Failure>((file, files, manifest, attachments))
        });
        let (file, files, manifest, attachments) = packed.await??;
        if let Some(attachments) = attachments {
            let (kind, location) = (settings.database_options.kind, settings.attachments.location.to_string());
            let found = attachments.into_missing().ensure_found(&settings.database, kind, &location).await;
            found
                .context(|| "no backup was made (--without-attachments makes one of the database alone)".to_owned())?;
        }
        file.as_file().sync_all().context(doing)?;
        let persisted = file.persist_noclobber(&self.file).context(|| format!("can't create {path}"))?;
        let bytes = persisted.metadata().context(doing)?.len();
        sync_folder(folder)?;

        let document = json!({
            "file": self.file, "bytes": bytes, "schema": schema, "made_at": manifest.made_at, "attachments": files,
            "without_attachments": self.without_attachments,
        });
        context.output.print(&document, || {
            let attachments =
                if self.without_attachments { "no attachments".to_owned() } else { format!("{files} attachments") };
            format!(
                "backed up to {path}: {bytes} bytes, the database as of {} and {attachments}\n\
                 the backup does not contain the master key: keep a copy of {} elsewhere",
                manifest.made_at,
                settings.master_key_file.display()
            )
        })
    }
}

/// Syncs a folder, so that the files created in it survive a power failure.
pub(super) fn sync_folder(folder: &Path) -> Result<(), Failure> {
    let doing = || format!("can't write to {}", folder.display());
    File::open(folder).context(doing)?.sync_all().context(doing)
}
