//! `novantra installation …`

use clap::{Args, Subcommand};
use serde_json::json;

use crate::{
    cli::{CommandContext, ReasonArg, seal},
    compose::{Installation, OpenMode, renew},
    failure::Failure,
    serve::ServerLock,
};

#[derive(Debug, Subcommand)]
pub(crate) enum InstallationCommand {
    /// Create an empty installation, for example with a master key that you provide. The first start of a server creates
    /// one by itself only where there is no master key yet.
    #[command(after_help = "Example:\n  novantra installation create --data-dir /var/lib/novantra")]
    Create,
    /// Show the identifier of the installation, which its tokens name as their issuer, and whether webhooks are paused.
    #[command(after_help = "Example:\n  novantra installation show")]
    Show,
    /// Make an installation another one than that which it was copied from. All servers must be stopped.
    #[command(
        after_help = "Example:\n  novantra installation renew --reason \"A copy of production for tests\"\n\nUse it after copying a database by other means than `novantra restore` and `novantra copy`, for example with pg_restore or a snapshot of a disk. The installation gets another identifier and another token signing key, and its webhooks are paused."
    )]
    Renew(Renew),
}

#[derive(Debug, Args)]
pub(crate) struct Renew {
    #[command(flatten)]
    reason: ReasonArg,
}

impl InstallationCommand {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        match self {
            Self::Create => create(context).await,
            Self::Show => show(context).await,
            Self::Renew(renew) => renew.run(context).await,
        }
    }
}

async fn create(context: &CommandContext) -> Result<(), Failure> {
    let settings = &context.settings;
    let _lock = ServerLock::acquire_for_command(&settings.database)?;
    let installation = Installation::open(settings, OpenMode::Create).await?;
    let id = installation.store.installation_id().await;
    installation.store.close().await;
    let id = id?;
    context.output.print(&json!({ "id": id }), || {
        format!("created the installation {}\nnext: start the server", id.as_deref().unwrap_or_default())
    })
}

async fn show(context: &CommandContext) -> Result<(), Failure> {
    let read = async |installation: &Installation| {
        let store = &installation.store;
        Ok((store.installation_id().await?, store.webhooks_paused().await?, store.is_unrenewed_copy().await?))
    };
    let (id, paused, is_unrenewed) = Installation::with(&context.settings, read).await?;
    context.output.print(&json!({ "id": id, "webhooks_paused": paused, "renewal_pending": is_unrenewed }), || {
        let id = id.as_deref().unwrap_or("none: a server has not started yet");
        let webhooks = if paused { "paused; start them with `novantra webhooks resume`" } else { "active" };
        let origin = if is_unrenewed {
            " (that of the original: the first start of a server on this copy renews it)"
        } else {
            ""
        };
        format!("id: {id}{origin}\nwebhooks: {webhooks}")
    })
}

impl Renew {
    async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        const COMMAND: &str = "installation renew";
        let (settings, reason) = (&context.settings, self.reason.parse(COMMAND)?);
        let _lock = ServerLock::acquire_for_existing(&settings.database)?;
        let id = renew(settings, COMMAND, &reason).await?;
        seal(settings).await;
        context.output.print(&json!({ "id": id }), || {
            format!(
                "the installation is {id} now: no token issued before is valid, and webhooks are paused until \
                 `novantra webhooks resume`"
            )
        })
    }
}
