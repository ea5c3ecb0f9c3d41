//! Commands that print the public key and the latest checkpoint, with which others verify an audit log.

use audit::{checkpoint_json, latest_checkpoint};
use kernel::OrganizationId;
use serde_json::json;

use crate::{
    cli::{CommandContext, audit::verify::find_log, print_line},
    compose::Installation,
    failure::Failure,
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

/// Prints the verifier key of a log.
///
/// # Errors
/// If there is no such log.
pub(super) async fn verifier_key(context: &CommandContext, workspace: &str) -> Result<(), Failure> {
    let key = Installation::with(&context.settings, async |installation| {
        let (_, organization) = find_log(installation, workspace).await?;
        Ok(installation.audit_logs.signer.verifier_key(organization).to_string())
    })
    .await?;
    context.output.print(&json!({ "verifier_key": key }), || key.clone())
}

/// Prints the latest head of a log as a signed note.
///
/// # Errors
/// If no entry is sealed yet.
pub(super) async fn note(context: &CommandContext, workspace: &str) -> Result<(), Failure> {
    let note = Installation::with(&context.settings, async |installation| {
        let (name, organization) = find_log(installation, workspace).await?;
        let head = installation.published_log().head(organization).await;
        let (_, note) = head.map_err(|error| Failure::new(format!("the audit log of {name} has no note: {error}")))?;
        Ok(note.to_string())
    })
    .await?;
    context.output.print(&json!({ "note": note }), || note.trim_end().to_owned())
}

/// Prints the newest note that witnesses have cosigned.
///
/// # Errors
/// If they follow another log, or have cosigned nothing yet.
pub(super) async fn cosigned_note(context: &CommandContext, workspace: &str) -> Result<(), Failure> {
    let note = Installation::with(&context.settings, async |installation| {
        let (name, organization) = find_log(installation, workspace).await?;
        require_witnesses(&name, organization)?;
        let head = installation.published_log().cosigned_head().await;
        let (_, note) = head.map_err(|error| Failure::new(error.to_string()))?;
        Ok(note.to_string())
    })
    .await?;
    context.output.print(&json!({ "note": note }), || note.trim_end().to_owned())
}

/// Requires the log that witnesses follow.
///
/// # Errors
/// If it is another one.
pub(super) fn require_witnesses(name: &str, organization: OrganizationId) -> Result<(), Failure> {
    if organization == OrganizationId::INSTALLATION {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "witnesses do not follow the audit log of {name}: use --workspace -, the log that names the heads of all others"
    )))
}

/// Prints the latest checkpoint of a log.
///
/// # Errors
/// If no entry is sealed yet.
pub(super) async fn checkpoint(context: &CommandContext, workspace: &str) -> Result<(), Failure> {
    let (name, latest) = Installation::with(&context.settings, async |installation| {
        let (name, organization) = find_log(installation, workspace).await?;
        Ok((name, latest_checkpoint(&*installation.store, organization).await?))
    })
    .await?;
    match latest {
        Some(latest) => print_line(&format!("{{\"checkpoint\":{}}}", checkpoint_json(&latest))),
        None => Err(Failure::new(format!("the audit log of {name} has no sealed entries yet"))),
    }
}
