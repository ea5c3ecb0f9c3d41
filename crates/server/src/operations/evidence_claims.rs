//! Evidence claims that operators look up, review and withdraw.

use api_v1::PayloadRenderer;
use evidence::{
    AttachedFile, EvidenceClaim, EvidenceClaimStatus, EvidenceContent, EvidenceError, approve, is_stored, reject,
    withdraw,
};
use kernel::{Description, Organization, OrganizationId, OrganizationRef, Reader, Stored};
use store::DynStore;

use super::operator::Operator;
use crate::{compose::Installation, failure::Failure};

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
/// If the workspace has no such claim, its status does not allow the decision, bytes of a claim that is to be approved are
/// not stored, or a store fails.
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
            if matches!(decision, ClaimDecision::Approve(_)) && claim.record.status == EvidenceClaimStatus::Pending {
                ensure_stored(&operator.installation, &claim).await?;
            }
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

/// Checks that the bytes of the claim's attachments are stored, each with its size. Nobody can have seen those that are not.
async fn ensure_stored(installation: &Installation, claim: &Stored<EvidenceClaim>) -> Result<(), Failure> {
    let files: Vec<AttachedFile> = claim.record.attachments.iter().collect();
    let hashes: Vec<&str> = files.iter().map(|file| file.sha256.as_str()).collect();
    let found = Reader::<EvidenceContent>::get_by_keys(&*installation.store, claim.meta.organization, &hashes).await?;
    for file in &files {
        let content = found.iter().map(|content| &content.record).find(|content| content.key == file.sha256);
        let content = content.filter(|content| content.size == file.size);
        if !is_stored(&*installation.attachments.contents, content).await? {
            return Err(Failure::new(format!(
                "the claim {} can't be approved: the bytes of its attachment {} {:?} are missing in the store of attachments, or \
                 have another size. Restore them from a backup (`novantra evidence verify` names all that are missing), or reject \
                 the claim",
                claim.record.key,
                file.id,
                file.file_name.as_str()
            )));
        }
    }
    Ok(())
}
