//! Commands that print the public key and the latest checkpoint, with which others verify an audit log.

use audit::Checkpoint;
use kernel::OrganizationId;
use serde_json::json;
use store::DynStore;

use crate::{
    cli::{Context, audit::verify::log_of, print_line},
    compose::Installation,
    failure::Failure,
    sealing,
};

/// Prints the public key of the checkpoint signatures.
///
/// # Errors
/// If there is no master key to derive it from.
pub(super) async fn public_key(context: &Context) -> Result<(), Failure> {
    let read = async |installation: &Installation| Ok(installation.checkpoint_key.to_pem());
    let pem = Installation::visit(&context.settings, read).await?;
    context.output.show(&json!({ "public_key": pem }), || pem.clone())
}

/// Prints the latest checkpoint of a log.
///
/// # Errors
/// If no entry is sealed yet.
pub(super) async fn checkpoint(context: &Context, workspace: &str) -> Result<(), Failure> {
    let (name, latest) = Installation::visit(&context.settings, async |installation| {
        let (name, organization) = log_of(installation, workspace).await?;
        Ok((name, latest(&*installation.store, organization).await?))
    })
    .await?;
    match latest {
        Some(latest) => print_line(&json!({ "checkpoint": sealing::document(&latest) }).to_string()),
        None => Err(Failure::new(format!("the audit log of {name} has no sealed entries yet"))),
    }
}

/// Returns the latest checkpoint. It signs the head of the chain, because each sealed batch moves the head and signs
/// it.
async fn latest(store: &DynStore, organization: OrganizationId) -> Result<Option<Checkpoint>, Failure> {
    let head = store.head(organization).await?.sequence;
    Ok(store.checkpoints(organization, head - 1, 1).await?.pop())
}
