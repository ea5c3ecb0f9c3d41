//! `novantra copy`: copies an installation to another database.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use serde_json::{Map, Value, json};

use crate::{
    cli::{CommandContext, IdentityArg, progress},
    compose::{self, CopySummary, Progress},
    failure::{Failure, ResultExt as _},
    serve::ServerLock,
    settings::{self, Database},
};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  novantra copy --from sqlite:/srv/novantra/novantra.db --to postgres://novantra@db.example.org/novantra\n  novantra copy --from sqlite:novantra.db --to-file /etc/novantra/database-url"
)]
pub(crate) struct Copy {
    /// The database to copy: `sqlite:PATH` or `postgres://…`. Its servers must be stopped during the copy.
    #[arg(long, value_name = "URL", required_unless_present = "from_file", conflicts_with = "from_file")]
    from: Option<String>,
    /// A file that contains the value of --from.
    #[arg(long, value_name = "FILE")]
    from_file: Option<PathBuf>,
    /// The database to copy to. It must be empty or the target of an interrupted copy.
    #[arg(long, value_name = "URL", required_unless_present = "to_file", conflicts_with = "to_file")]
    to: Option<String>,
    /// A file that contains the value of --to.
    #[arg(long, value_name = "FILE")]
    to_file: Option<PathBuf>,
    #[command(flatten)]
    identity: IdentityArg,
}

impl Copy {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let from = database_argument("--from", self.from.as_deref(), self.from_file.as_deref())?;
        let to = database_argument("--to", self.to.as_deref(), self.to_file.as_deref())?;
        if is_same(&from, &to) {
            return Err(Failure::usage("--from and --to are the same database"));
        }
        compose::ensure_source_exists(&from)?;
        let _locks = (ServerLock::acquire_for_existing(&from)?, ServerLock::acquire_for_command(&to)?);

        let bar = progress(None, "rows", context.output.is_text());
        let report = |Progress { copied, total }| {
            bar.set_length(total);
            bar.set_position(copied);
        };
        let copied =
            compose::copy(&from, &to, context.settings.database_options.kind, self.identity.purpose(), &report).await;
        bar.finish_and_clear();
        let CopySummary { tables, restarted } = copied?;

        let rows: u64 = tables.iter().map(|(_, rows)| rows).sum();
        let rows_by_table: Map<String, Value> =
            tables.iter().map(|(name, rows)| ((*name).to_owned(), json!(rows))).collect();
        context.output.print(&json!({ "rows": rows, "tables": rows_by_table, "begun_again": restarted }), || {
            let again = if restarted { "removed the rows of an interrupted copy and " } else { "" };
            format!(
                "{again}copied {rows} rows of {} tables\n{}\n\
                 next: point NOVANTRA_DATABASE_URL at the copy, run `novantra audit verify`, and start the servers with it and \
                 the same master key",
                tables.len(),
                self.identity.description()
            )
        })
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
