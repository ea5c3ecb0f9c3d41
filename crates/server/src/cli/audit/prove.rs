//! The proof that an entry is in an audit log.

use kernel::{Entry, Id};
use serde_json::json;

use crate::{
    cli::{
        CommandContext,
        audit::{Prove, keys::require_witnesses, verify::find_log},
    },
    compose::Installation,
    failure::Failure,
};

/// Prints the proof of an entry.
///
/// # Errors
/// If the log has no such entry, or it is not sealed yet.
pub(super) async fn prove(
    context: &CommandContext,
    Prove { entry, workspace, cosigned }: &Prove,
) -> Result<(), Failure> {
    let id: Id<Entry> = entry
        .parse()
        .map_err(|_| Failure::usage(format!("{entry:?} is not the identifier of an audit entry, such as aud_…")))?;
    let proof = Installation::with(&context.settings, async |installation| {
        let (name, organization) = find_log(installation, workspace).await?;
        let published = installation.published_log();
        let proof = if *cosigned {
            require_witnesses(&name, organization)?;
            published.cosigned_entry_proof(id).await
        } else {
            published.entry_proof(organization, id).await
        };
        proof.map_err(|error| Failure::new(format!("there is no proof of {id} in the audit log of {name}: {error}")))
    })
    .await?;
    let proof = proof.to_string();
    context.output.print(&json!({ "proof": proof }), || proof.trim_end().to_owned())
}
