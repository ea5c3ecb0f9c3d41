//! `novantra copy`: copies an installation to another database, or its attachments to another store.

use std::{
    fs,
    path::{Path, PathBuf},
};

use attachments::Location;
use clap::Args;
use serde_json::{Map, Value, json};

use crate::{
    cli::{CommandContext, IdentityArg, progress},
    compose::{self, CopiedAttachments, CopySummary, NamedContents, Progress},
    failure::{Failure, ResultExt as _},
    files::folder_of,
    serve::ServerLock,
    settings::{self, AttachmentSettings, Database, Settings},
};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  novantra copy --from sqlite:/srv/novantra/novantra.db --to postgres://novantra@db.example.org/novantra\n  novantra copy --from sqlite:novantra.db --to-file /etc/novantra/database-url\n  novantra copy --attachments-from file:/srv/novantra/attachments --attachments-to s3://acme-novantra/attachments"
)]
pub(crate) struct Copy {
    /// The database to copy: `sqlite:PATH` or `postgres://…`. Its servers must be stopped during the copy.
    #[arg(
        long,
        value_name = "URL",
        required_unless_present_any = ["from_file", "attachments_from", "attachments_to"],
        conflicts_with = "from_file"
    )]
    from: Option<String>,
    /// A file that contains the value of --from.
    #[arg(long, value_name = "FILE")]
    from_file: Option<PathBuf>,
    /// The database to copy to. It must be empty or the target of an interrupted copy.
    #[arg(
        long,
        value_name = "URL",
        required_unless_present_any = ["to_file", "attachments_from", "attachments_to"],
        conflicts_with = "to_file"
    )]
    to: Option<String>,
    /// A file that contains the value of --to.
    #[arg(long, value_name = "FILE")]
    to_file: Option<PathBuf>,
    /// The store of attachments to copy, if it is not that of the settings: `file:FOLDER`, `s3://…`, `gs://…` or `az://…`.
    /// The settings of endpoint and credentials do not apply to it.
    #[arg(long, value_name = "URL")]
    attachments_from: Option<String>,
    /// The store to copy attachments to, if it is not that of the settings. What it has already is left.
    #[arg(long, value_name = "URL")]
    attachments_to: Option<String>,
    /// Copy the database although its attachments are not copied, and without looking for them.
    #[arg(long, conflicts_with_all = ["attachments_from", "attachments_to"])]
    without_attachments: bool,
    #[command(flatten)]
    identity: IdentityArg,
}

/// The result of a copy, as a document and as a text.
type Outcome = (Map<String, Value>, Vec<String>);

impl Copy {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let databases = self.databases()?;
        let stores = self.attachments(context)?;
        let mut outcome = Outcome::default();
        let source = databases.as_ref().map(|(from, _)| from);
        // The attachments first: a database never names bytes that are not in their store.
        if let Some((from, to)) = &stores {
            copy_attachments(context, from, to, source, &mut outcome).await?;
        }
        if let Some((from, to)) = &databases {
            let settings = source_attachments(from, &context.settings);
            if stores.is_none() && !self.without_attachments {
                ensure_attachments_exist(context, from, &settings).await?;
            }
            self.copy_database(context, from, to, &mut outcome).await?;
            if stores.is_none() {
                let location = &settings.location;
                outcome.1.push(format!("attachments were not copied: the copy needs those in {location}"));
            }
        }
        let (document, text) = outcome;
        context.output.print(&Value::Object(document), || text.join("\n"))
    }

    /// The databases to copy from and to, if the arguments name any.
    fn databases(&self) -> Result<Option<(Database, Database)>, Failure> {
        let has_source = self.from.is_some() || self.from_file.is_some();
        let has_target = self.to.is_some() || self.to_file.is_some();
        if !has_source && !has_target {
            return Ok(None);
        }
        if !has_source || !has_target {
            return Err(Failure::usage("--from and --to belong together: a database is copied from one to the other"));
        }
        let from = database_argument("--from", self.from.as_deref(), self.from_file.as_deref())?;
        let to = database_argument("--to", self.to.as_deref(), self.to_file.as_deref())?;
        if is_same(&from, &to) {
            return Err(Failure::usage("--from and --to are the same database"));
        }
        compose::ensure_source_exists(&from)?;
        Ok(Some((from, to)))
    }

    /// The stores of attachments to copy from and to, if an argument names one of them.
    fn attachments(
        &self,
        context: &CommandContext,
    ) -> Result<Option<(AttachmentSettings, AttachmentSettings)>, Failure> {
        if self.attachments_from.is_none() && self.attachments_to.is_none() {
            return Ok(None);
        }
        let own = &context.settings.attachments;
        let from = attachments_argument("--attachments-from", self.attachments_from.as_deref(), own)?;
        let to = attachments_argument("--attachments-to", self.attachments_to.as_deref(), own)?;
        if is_same_store(&from.location, &to.location) {
            return Err(Failure::usage(format!("attachments can't be copied from {} to itself", from.location)));
        }
        Ok(Some((from, to)))
    }

    async fn copy_database(
        &self,
        context: &CommandContext,
        from: &Database,
        to: &Database,
        (document, text): &mut Outcome,
    ) -> Result<(), Failure> {
        let _locks = (ServerLock::acquire_for_existing(from)?, ServerLock::acquire_for_command(to)?);

        let bar = progress(None, "rows", context.output.is_text());
        let report = |Progress { copied, total }| {
            bar.set_length(total);
            bar.set_position(copied);
        };
        let copied =
            compose::copy(from, to, context.settings.database_options.kind, self.identity.purpose(), &report).await;
        bar.finish_and_clear();
        let CopySummary { tables, restarted } = copied?;

        let rows: u64 = tables.iter().map(|(_, rows)| rows).sum();
        let rows_by_table: Map<String, Value> =
            tables.iter().map(|(name, rows)| ((*name).to_owned(), json!(rows))).collect();
        document.insert("rows".to_owned(), json!(rows));
        document.insert("tables".to_owned(), json!(rows_by_table));
        document.insert("begun_again".to_owned(), json!(restarted));
        let again = if restarted { "removed the rows of an interrupted copy and " } else { "" };
        text.push(format!(
            "{again}copied {rows} rows of {} tables\n{}\n\
             next: point NOVANTRA_DATABASE_URL at the copy, run `novantra audit verify`, and start the servers with it and \
             the same master key",
            tables.len(),
            self.identity.description()
        ));
        Ok(())
    }
}

/// Copies the attachments. They are compared with the source of a copy of the database; otherwise, if one of the stores is
/// that of the settings, with the database of the settings.
async fn copy_attachments(
    context: &CommandContext,
    from: &AttachmentSettings,
    to: &AttachmentSettings,
    source: Option<&Database>,
    (document, text): &mut Outcome,
) -> Result<(), Failure> {
    let settings = &context.settings;
    let (own, kind) = (&settings.attachments.location, settings.database_options.kind);
    let is_own = is_same_store(&from.location, own) || is_same_store(&to.location, own);
    let database = source.or_else(|| Some(&settings.database).filter(|database| is_own && !is_absent(database)));
    let mut named = match database {
        Some(database) => NamedContents::of_database(database, kind).await?,
        None => NamedContents::default(),
    };
    let bar = progress(None, "attachments", context.output.is_text());
    let report = |progress: CopiedAttachments| bar.set_position(progress.copied + progress.present);
    let copied = compose::copy_attachments(from, to, &settings.data_dir, &mut named, &report).await;
    bar.finish_and_clear();
    let CopiedAttachments { copied, present, bytes } = copied?;
    let summary = format!(
        "copied {copied} attachments of {bytes} bytes from {} to {}, which had {present} of them already",
        from.location, to.location
    );
    if let Some(database) = database {
        let found = named.ensure_found(database, kind, &from.location.to_string()).await;
        found.context(|| format!("the copy is not whole: {summary}"))?;
    }
    let compared = database.is_some();
    document.insert(
        "attachments".to_owned(),
        json!({ "copied": copied, "present": present, "bytes": bytes, "compared_with_database": compared }),
    );
    text.push(summary);
    if !compared {
        text.push(
            "they were not compared with a database: whether all are there is shown by `novantra evidence verify`"
                .to_owned(),
        );
    }
    Ok(())
}

/// Whether both name the same store, a folder by any of its names.
fn is_same_store(one: &Location, other: &Location) -> bool {
    match (one, other) {
        (Location::Folder(one), Location::Folder(other)) => {
            one == other || fs::canonicalize(one).ok().is_some_and(|one| fs::canonicalize(other).ok() == Some(one))
        }
        _ => one == other,
    }
}

/// Whether no command can reach the database, because it is in memory or its file does not exist.
fn is_absent(database: &Database) -> bool {
    match database {
        Database::Memory => true,
        Database::Sqlite(file) => !file.exists(),
        Database::Postgres(_) => false,
    }
}

/// The store of the attachments of a database: that of the settings, unless the database is a SQLite file of another
/// installation, which has the folder beside it.
fn source_attachments(source: &Database, settings: &Settings) -> AttachmentSettings {
    let mut attachments = settings.attachments.clone();
    if let Database::Sqlite(file) = source
        && !is_same(source, &settings.database)
    {
        attachments.use_folder_in(folder_of(file));
    }
    attachments
}

/// Checks that the attachments which the database names exist, before it is copied without them.
async fn ensure_attachments_exist(
    context: &CommandContext,
    database: &Database,
    attachments: &AttachmentSettings,
) -> Result<(), Failure> {
    let kind = context.settings.database_options.kind;
    let mut named = NamedContents::of_database(database, kind).await?;
    if named.is_empty() {
        return Ok(());
    }
    let checked = async {
        compose::find_attachments(attachments, &context.settings.data_dir, &mut named).await?;
        named.ensure_found(database, kind, &attachments.location.to_string()).await
    };
    checked.await.context(|| {
        "nothing was copied, because the attachments that the database names were not all found. If they are elsewhere, \
         copy the database with --without-attachments"
            .to_owned()
    })
}

/// The store of attachments that an argument names, or that of the settings.
fn attachments_argument(
    argument: &str,
    url: Option<&str>,
    own: &AttachmentSettings,
) -> Result<AttachmentSettings, Failure> {
    match url {
        None => Ok(own.clone()),
        Some(url) => own.at(url).map_err(|error| Failure::usage(format!("{argument}: {error}"))),
    }
}

/// The database that an argument names, either as a URL or by a file that contains the URL.
fn database_argument(argument: &str, url: Option<&str>, file: Option<&Path>) -> Result<Database, Failure> {
    let text = match (url, file) {
        (Some(url), _) => url.to_owned(),
        (None, file) => {
            let file = file.unwrap_or(Path::new(""));
            fs::read_to_string(file).context(|| format!("can't read {}, which holds {argument}", file.display()))?
        }
    };
    match settings::parse_database_url(text.trim_end()) {
        Ok(Database::Memory) => Err(Failure::usage(format!(
            "{argument}: a memory: database exists only inside its server process and can't be copied"
        ))),
        Ok(database) => Ok(database),
        Err(error) => Err(Failure::usage(format!("{argument}: {error}"))),
    }
}

/// Whether both name the same SQLite file, by any of its names. If both name the same PostgreSQL database, the copy fails because its target
/// is not empty.
fn is_same(from: &Database, to: &Database) -> bool {
    let (Database::Sqlite(from), Database::Sqlite(to)) = (from, to) else { return false };
    let canonical = |file: &Path| fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    canonical(from) == canonical(to) || is_same_inode(from, to)
}

#[cfg(unix)]
fn is_same_inode(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;

    let inode = |file: &Path| fs::metadata(file).ok().map(|metadata| (metadata.dev(), metadata.ino()));
    inode(one).is_some() && inode(one) == inode(other)
}

#[cfg(not(unix))]
fn is_same_inode(_: &Path, _: &Path) -> bool {
    false
}
