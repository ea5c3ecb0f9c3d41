//! Verification of the audit logs in the database.

use audit::{Checkpoint, UnsealedStats, VerificationError, VerifiedChain, verify_stored};
use crypto::read_checkpoints;
use kernel::{OrganizationId, StoreError};
use serde_json::{Value, json};

use crate::{
    cli::{CommandContext, Output, audit::Verify},
    compose::Installation,
    failure::{Failure, ResultExt as _},
    operations::find_workspace,
};

/// The result of verifying one log.
struct LogResult {
    name: String,
    /// The verified chain, or a description of the first entry or checkpoint that does not verify.
    outcome: Result<VerifiedChain, String>,
    tail: UnsealedStats,
}

impl Verify {
    pub(super) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let checkpoints = match &self.checkpoint {
            Some(path) => {
                let text = std::fs::read_to_string(path).context(|| format!("can't read {}", path.display()))?;
                read_checkpoints(&text).context(|| path.display().to_string())?
            }
            None => Vec::new(),
        };
        let verify = async |installation: &Installation| self.verify_all(installation, &checkpoints).await;
        report(&Installation::with(&context.settings, verify).await?, context.output)
    }

    async fn verify_all(
        &self,
        installation: &Installation,
        checkpoints: &[Checkpoint],
    ) -> Result<Vec<LogResult>, Failure> {
        let logs: Vec<(String, OrganizationId)> = match &self.workspace {
            Some(slug) => vec![find_log(installation, slug).await?],
            None => {
                let workspaces = installation.store.organizations().await?;
                let workspaces =
                    workspaces.iter().map(|workspace| (workspace.record.slug.as_str().to_owned(), workspace.meta.id));
                workspaces.chain([("the installation".to_owned(), OrganizationId::INSTALLATION)]).collect()
            }
        };
        let is_verified = |checkpoint: &&Checkpoint| logs.iter().any(|(_, id)| *id == checkpoint.organization);
        // A server logs the checkpoints of all logs; with --workspace those of other logs are ignored.
        let foreign = match &self.workspace {
            Some(_) => checkpoints.first().filter(|_| !checkpoints.iter().any(|checkpoint| is_verified(&checkpoint))),
            None => checkpoints.iter().find(|checkpoint| !is_verified(checkpoint)),
        };
        if let Some(checkpoint) = foreign {
            return Err(Failure::new(format!(
                "a checkpoint in the --checkpoint file belongs to {}, whose log is not verified",
                checkpoint.organization
            )));
        }
        let store = &*installation.store;
        let mut results = Vec::new();
        for (name, organization) in logs {
            let own: Vec<Checkpoint> =
                checkpoints.iter().filter(|checkpoint| checkpoint.organization == organization).copied().collect();
            let outcome = match verify_stored(store, organization, &installation.checkpoint_key, &own).await {
                Ok(chain) => Ok(chain),
                Err(VerificationError::Fault(fault)) => Err(fault.to_string()),
                // An entry that can't be decoded was changed, too.
                Err(VerificationError::Store(StoreError::Corrupt(source))) => Err(source.to_string()),
                Err(VerificationError::Store(error)) => return Err(error.into()),
            };
            results.push(LogResult { name, outcome, tail: store.unsealed_stats(Some(organization)).await? });
        }
        Ok(results)
    }
}

/// Returns the name and the organization of the log that `--workspace` names.
pub(super) async fn find_log(installation: &Installation, slug: &str) -> Result<(String, OrganizationId), Failure> {
    if slug == "-" {
        return Ok(("the installation".to_owned(), OrganizationId::INSTALLATION));
    }
    let workspace = find_workspace(installation, slug).await?;
    Ok((workspace.record.slug.as_str().to_owned(), workspace.meta.id))
}

fn report(results: &[LogResult], output: Output) -> Result<(), Failure> {
    let fault = results.iter().find_map(|result| result.outcome.as_ref().err().map(|fault| (&result.name, fault)));
    let logs: Vec<Value> = results.iter().map(document).collect();
    if fault.is_none() || !output.is_text() {
        output.print(&json!({ "ok": fault.is_none(), "logs": logs }), || {
            results.iter().map(describe).collect::<Vec<_>>().join("\n")
        })?;
    }
    fault.map_or(Ok(()), |(name, fault)| Err(Failure::new(format!("the audit log of {name} is not intact: {fault}"))))
}

fn document(result: &LogResult) -> Value {
    let LogResult { name, outcome, tail } = result;
    match outcome {
        Ok(chain) => json!({
            "log": name,
            "ok": true,
            "entries": chain.entries,
            "checkpoints": chain.checkpoints,
            "head": chain.head.hash.to_string(),
            "removed_through": chain.removed_through,
            "unsealed": tail.entries,
        }),
        Err(fault) => json!({ "log": name, "ok": false, "fault": fault, "unsealed": tail.entries }),
    }
}

fn describe(result: &LogResult) -> String {
    let LogResult { name, outcome, tail } = result;
    let unsealed = match tail.entries {
        0 => String::new(),
        entries => format!("; {entries} more are not sealed yet"),
    };
    match outcome {
        Ok(VerifiedChain { entries, checkpoints, removed_through, .. }) => {
            let removed = match removed_through {
                0 => String::new(),
                sequence => format!("; those up to sequence {sequence} were removed, as an entry records"),
            };
            format!("{name}: {entries} entries, {checkpoints} checkpoints, intact{removed}{unsealed}")
        }
        Err(fault) => format!("{name}: {fault}{unsealed}"),
    }
}
