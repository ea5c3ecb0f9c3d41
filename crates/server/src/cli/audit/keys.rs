//! Commands that print the public key and the latest checkpoint, with which others verify an audit log.

use audit::Checkpoint;
use kernel::OrganizationId;
use serde_json::json;
use store::DynStore;

use crate::{
    cli::{CommandContext, audit::verify::find_log, print_line},
    compose::Installation,
    failure::Failure,
    operations::checkpoint_document,
};

/// Prints the public key of the checkpoint signatures.
///
/// # Errors
/// If there is no master key to derive it from.
pub(super) async fn public_key(context: &CommandContext) -> Result<(), Failure> {
    let read = async |installation: &Installation| Ok(installation.checkpoint_key.to_pem());
    let pem = Installation::with(&context.settings, read).await?;
    context.output.print(&json!({ "public_key": pem }), || pem.clone())
}

/// Prints the latest checkpoint of a log.
///
/// # Errors
/// If no entry is sealed yet.
pub(super) async fn checkpoint(context: &CommandContext, workspace: &str) -> Result<(), Failure> {
    let (name, latest) = Installation::with(&context.settings, async |installation| {
        let (name, organization) = find_log(installation, workspace).await?;
        Ok((name, latest(&*installation.store, organization).await?))
    })
    .await?;
    match latest {
        Some(latest) => print_line(&json!({ "checkpoint": checkpoint_document(&latest) }).to_string()),
        None => Err(Failure::new(format!("the audit log of {name} has no sealed entries yet"))),
    }
}

/// Returns the latest checkpoint. It signs the head of the chain, because each sealed batch moves the head and signs
/// it.
async fn latest(store: &DynStore, organization: OrganizationId) -> Result<Option<Checkpoint>, Failure> {
    let head = store.head(organization).await?.sequence;
    Ok(store.checkpoints(organization, head - 1, 1).await?.pop())
}
