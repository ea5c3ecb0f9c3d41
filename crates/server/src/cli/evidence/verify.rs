//! `novantra evidence verify`: verifies the bytes of attachments.

use clap::Args;
use serde_json::json;

use crate::{
    cli::{CommandContext, progress},
    compose::Installation,
    failure::Failure,
    operations::{AttachmentVerifier, VerifiedAttachments, find_claim, find_workspace},
};

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// The workspace.
    #[arg(long, value_name = "SLUG")]
    workspace: String,
    /// The key or the identifier of a claim, to verify only its attachments.
    #[arg(long, value_name = "KEY")]
    claim: Option<String>,
}

impl Verify {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let bar = progress(None, "objects", context.output.is_text());
        let report = |objects| bar.set_position(objects);
        let verified = Installation::with(&context.settings, async |installation| {
            let workspace = find_workspace(installation, &self.workspace).await?;
            let verifier = AttachmentVerifier::new(installation, workspace.meta.id);
            Ok(match &self.claim {
                None => verifier.verify_all(&report).await?,
                Some(name) => {
                    let claim = find_claim(&*installation.store, workspace.meta.id, name).await?;
                    verifier.verify_claim(&claim, &report).await?
                }
            })
        })
        .await;
        bar.finish_and_clear();
        let VerifiedAttachments { attachments, objects, bytes, differences } = verified?;
        let found: Vec<_> = differences
            .iter()
            .map(|difference| json!({ "about": difference.about, "message": difference.message }))
            .collect();
        let document = json!({
            "ok": differences.is_empty(), "attachments": attachments, "objects": objects, "bytes": bytes,
            "differences": found,
        });
        let slug = &self.workspace;
        context.output.print(&document, || {
            let mut lines: Vec<String> = differences.iter().map(ToString::to_string).collect();
            let state = match differences.len() {
                0 => "intact".to_owned(),
                1 => "1 difference".to_owned(),
                count => format!("{count} differences"),
            };
            lines.push(format!("{slug}: {attachments} attachments, {objects} objects, {bytes} bytes, {state}"));
            lines.join("\n")
        })?;
        if differences.is_empty() {
            return Ok(());
        }
        Err(Failure::new(format!(
            "attachments of {slug} are not those that were uploaded: restore their store from a backup, and find out who can \
             write to it"
        )))
    }
}
