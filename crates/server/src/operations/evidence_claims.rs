//! Evidence claims that operators look up, review and withdraw.

use api_v1::PayloadRenderer;
use evidence::{EvidenceClaim, EvidenceError, approve, reject, withdraw};
use kernel::{Description, Organization, OrganizationId, OrganizationRef, Reader, Stored};
use store::DynStore;

use super::operator::Operator;
use crate::failure::Failure;

/// A decision about a claim.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ClaimDecision {
    /// The claim is approved, with this note.
    Approve(Option<Description>),
    /// The claim is rejected, with this note.
    Reject(Option<Description>),
    /// The claim is withdrawn.
    Withdraw,
}

/// Returns the claim with this identifier or key.
///
/// # Errors
/// If the organization has none, or the store fails.
pub(crate) async fn find_claim(
    store: &DynStore,
    organization: OrganizationId,
    name: &str,
) -> Result<Stored<EvidenceClaim>, Failure> {
    if let Ok(id) = name.parse()
        && let Some(claim) = Reader::<EvidenceClaim>::get(store, organization, id).await?
    {
        return Ok(claim);
    }
    let found = Reader::<EvidenceClaim>::get_by_keys(store, organization, &[name]).await?;
    found.into_iter().next().ok_or_else(|| {
        Failure::new(format!(
            "there is no evidence claim {name} in this workspace; `novantra evidence list` lists their keys"
        ))
    })
}

/// Decides about the claim with this identifier or key.
///
/// # Errors
/// If the workspace has no such claim, its status does not allow the decision, or the store fails.
pub(crate) async fn decide_claim(
    operator: &Operator,
    workspace: &Stored<Organization>,
    name: &str,
    decision: &ClaimDecision,
) -> Result<Stored<EvidenceClaim>, Failure> {
    let (store, organization) = (&*operator.installation.store, OrganizationRef::from(workspace));
    operator
        .write(async || {
            let claim = find_claim(store, organization.id, name).await?;
            let attribution = operator.attribution();
            let context = operator.write_context(&organization, &attribution);
            let timestamp = store.begin_write();
            let decided = match decision.clone() {
                ClaimDecision::Approve(note) => approve(&context, &PayloadRenderer, timestamp, &claim, note),
                ClaimDecision::Reject(note) => reject(&context, &PayloadRenderer, timestamp, &claim, note),
                ClaimDecision::Withdraw => withdraw(&context, timestamp, &claim),
            };
            decided.map_err(|error: EvidenceError| Failure::new(error.to_string()))
        })
        .await
}
