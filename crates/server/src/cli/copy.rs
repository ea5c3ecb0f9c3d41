//! `novantra copy`: an installation moves to another database.

use std::{
    fs,
    path::{Path, PathBuf},
};

use clap::Args;
use serde_json::{Map, Value, json};

use crate::{
    cli::{Context, progress},
    compose::{self, Copied, Progress},
    failure::{Context as _, Failure},
    serve::ServerLock,
    settings::{self, Database},
};

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  novantra copy --from sqlite:/srv/novantra/novantra.db --to postgres://novantra@db.example.org/novantra\n  novantra copy --from sqlite:novantra.db --to-file /etc/novantra/database-url"
)]
pub(crate) struct Copy {
    /// The database to copy: `sqlite:PATH` or `postgres://…`. No server may run on it meanwhile.
    #[arg(long, value_name = "URL", required_unless_present = "from_file", conflicts_with = "from_file")]
    from: Option<String>,
    /// A file that holds --from.
    #[arg(long, value_name = "FILE")]
    from_file: Option<PathBuf>,
    /// The database to copy to, which is empty or the target of a copy that broke off.
    #[arg(long, value_name = "URL", required_unless_present = "to_file", conflicts_with = "to_file")]
    to: Option<String>,
    /// A file that holds --to.
    #[arg(long, value_name = "FILE")]
    to_file: Option<PathBuf>,
}

impl Copy {
    pub(crate) async fn run(&self, context: &Context) -> Result<(), Failure> {
        let from = named("--from", self.from.as_deref(), self.from_file.as_deref())?;
        let to = named("--to", self.to.as_deref(), self.to_file.as_deref())?;
        if is_same(&from, &to) {
            return Err(Failure::usage("--from and --to are the same database"));
        }
        if let Database::Sqlite(file) = &from
            && !file.exists()
        {
            return Err(Failure::new(format!("there is no database at {}", file.display())));
        }
        let _locks = (ServerLock::take_from_servers(&from)?, ServerLock::take_from_servers(&to)?);

        let bar = progress(None, "rows", context.output.is_for_people());
        let report = |Progress { copied, total }| {
            bar.set_length(total);
            bar.set_position(copied);
        };
        let copied = compose::copy(&from, &to, &report).await;
        bar.finish_and_clear();
        let Copied { tables, begun_again } = copied?;

        let rows: u64 = tables.iter().map(|(_, rows)| rows).sum();
        let each: Map<String, Value> = tables.iter().map(|(name, rows)| ((*name).to_owned(), json!(rows))).collect();
        context.output.show(&json!({ "rows": rows, "tables": each, "begun_again": begun_again }), || {
            let again = if begun_again { "removed what a copy that broke off had left, and " } else { "" };
            format!(
                "{again}copied {rows} rows of {} tables\n\
                 next: point NOVANTRA_DATABASE_URL at the copy, run `novantra audit verify`, and start the servers with it and \
                 the same master key",
                tables.len()
            )
        })
    }
}

/// The database that an argument names, itself or by a file.
fn named(argument: &str, url: Option<&str>, file: Option<&Path>) -> Result<Database, Failure> {
    let text = match (url, file) {
        (Some(url), _) => url.to_owned(),
        (None, file) => {
            let file = file.unwrap_or(Path::new(""));
            fs::read_to_string(file).or_fail(|| format!("can't read {}, which holds {argument}", file.display()))?
        }
    };
    match settings::database(text.trim_end()) {
        Ok(Database::Memory) => Err(Failure::usage(format!("{argument}: memory: lives in its server alone"))),
        Ok(database) => Ok(database),
        Err(fault) => Err(Failure::usage(format!("{argument}: {fault}"))),
    }
}

/// Whether both are one file. Of one PostgreSQL database, the target is not empty.
fn is_same(from: &Database, to: &Database) -> bool {
    let (Database::Sqlite(from), Database::Sqlite(to)) = (from, to) else { return false };
    let place = |file: &Path| fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
    place(from) == place(to)
}
