//! `novantra migrate`

use clap::Args;
use serde_json::json;

use crate::{
    cli::Context,
    compose::{Installation, Opening},
    failure::Failure,
};

/// Migrates when it opens.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  novantra migrate --database-url sqlite:/srv/novantra/novantra.db")]
pub(crate) struct Migrate {}

impl Migrate {
    pub(crate) async fn run(&self, context: &Context) -> Result<(), Failure> {
        let installation = Installation::open(&context.settings, Opening::Migrate).await?;
        let ready = installation.store.ready().await;
        installation.store.close().await;
        ready?;
        context.output.show(&json!({ "migrated": true }), || "the database is at this program's schema".to_owned())
    }
}
