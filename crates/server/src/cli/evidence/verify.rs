//! `novantra evidence verify`: verifies claims, attachments and their bytes against the audit log.

use clap::Args;
use evidence::EvidenceClaim;
use kernel::{Id, OrganizationId};
use serde_json::json;

use crate::{
    cli::{CommandContext, progress},
    compose::Installation,
    failure::Failure,
    operations::{EvidenceVerifier, VerifiedEvidence, find_claim, find_workspace},
};

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The workspace.
    #[arg(long, value_name = "SLUG")]
    workspace: String,
    /// The key or the identifier of a claim, to verify only this claim and its attachments.
    #[arg(long, value_name = "CLAIM")]
    claim: Option<String>,
}

impl Verify {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let bar = progress(None, "objects", context.output.is_text());
        let report = |objects| bar.set_position(objects);
        let verified = Installation::with(&context.settings, async |installation| {
            let workspace = find_workspace(installation, &self.workspace).await?;
            let verifier = EvidenceVerifier::new(installation, workspace.meta.id);
            Ok(match &self.claim {
                None => verifier.verify_all(&report).await?,
                Some(name) => {
                    let claim = find_logged_claim(installation, workspace.meta.id, &verifier, name).await?;
                    verifier.verify_claim(claim, &report).await?
                }
            })
        })
        .await;
        bar.finish_and_clear();
        let VerifiedEvidence { claims, attachments, entries, objects, bytes, differing, differences } = verified?;
        let found: Vec<_> = differences
            .iter()
            .map(|difference| json!({ "about": difference.about, "message": difference.message }))
            .collect();
        let document = json!({
            "ok": differing == 0, "claims": claims, "attachments": attachments, "entries": entries, "objects": objects,
            "bytes": bytes, "differing": differing, "differences": found,
        });
        let slug = &self.workspace;
        context.output.print(&document, || {
            let mut lines: Vec<String> = differences.iter().map(ToString::to_string).collect();
            if differing > differences.len() as u64 {
                lines.push(format!("and {} more differences", differing - differences.len() as u64));
            }
            let state = match differing {
                0 => "intact".to_owned(),
                1 => "1 difference".to_owned(),
                count => format!("{count} differences"),
            };
            lines.push(format!(
                "{slug}: {claims} claims, {attachments} attachments, {entries} entries of the audit log, {objects} objects, \
                 {bytes} bytes, {state}"
            ));
            lines.join("\n")
        })?;
        if differing == 0 {
            return Ok(());
        }
        Err(Failure::new(format!(
            "the evidence of {slug} is not what the audit log says: restore the database and the store of attachments from a \
             backup, and find out who can write to them"
        )))
    }
}

/// Returns the identifier of a claim that the database has, or that it has no more although the audit log names it.
async fn find_logged_claim(
    installation: &Installation,
    organization: OrganizationId,
    verifier: &EvidenceVerifier,
    name: &str,
) -> Result<Id<EvidenceClaim>, Failure> {
    match (find_claim(&*installation.store, organization, name).await, name.parse()) {
        (Ok(claim), _) => Ok(claim.meta.id),
        (Err(_), Ok(id)) if verifier.is_logged(id).await? => Ok(id),
        (Err(failure), _) => Err(failure),
    }
}
