//! `novantra migrate`

use clap::Args;
use serde_json::{Value, json};

use crate::{cli::CommandContext, compose, failure::Failure};

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  novantra migrate --database-url sqlite:/srv/novantra/novantra.db")]
pub(crate) struct Migrate {}

impl Migrate {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let applied = compose::migrate(&context.settings).await?;
        let steps: Vec<Value> =
            applied.iter().map(|step| json!({ "version": step.version, "name": step.name })).collect();
        context.output.print(&json!({ "applied": steps }), || match applied.last() {
            Some(last) => {
                format!("applied {} migrations; the database is at {} ({})", applied.len(), last.version, last.name)
            }
            None => "nothing to do: the database already has the schema of this program".to_owned(),
        })
    }
}
