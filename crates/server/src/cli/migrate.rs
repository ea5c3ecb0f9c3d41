//! `novantra migrate`

use clap::Args;
use serde_json::{Value, json};

use store_sql::MisplacedTable;

use crate::{
    cli::CommandContext,
    compose::{self, Migrated},
    failure::Failure,
};

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  novantra migrate --database-url sqlite:/srv/novantra/novantra.db")]
pub(crate) struct Migrate {}

impl Migrate {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let Migrated { applied, created, misplaced } = compose::migrate(&context.settings).await?;
        let steps: Vec<Value> =
            applied.iter().map(|step| json!({ "version": step.version, "name": step.name })).collect();
        let statements: Vec<String> = misplaced.iter().flat_map(MisplacedTable::statements).collect();
        context.output.print(&json!({ "applied": steps, "created": created, "statements": statements }), || {
            let mut lines: Vec<String> =
                created.iter().map(|file| format!("created a new database, {}", file.display())).collect();
            lines.push(match applied.last() {
                Some(last) => {
                    let plural = if applied.len() == 1 { "" } else { "s" };
                    format!(
                        "applied {} migration{plural}; the database is at {} ({})",
                        applied.len(),
                        last.version,
                        last.name
                    )
                }
                None => "nothing to do: the database already has the schema of this program".to_owned(),
            });
            if !statements.is_empty() {
                lines.push("next: place the tables on the nodes of the database with these statements:".to_owned());
                lines.extend(statements.iter().map(|statement| format!("{statement};")));
            }
            lines.join("\n")
        })
    }
}
