//! Verifying the audit log where it is kept.

use audit::{Checkpoint, NotVerified, Tail, Verdict, verify_stored};
use kernel::{Organization, OrganizationId, StoreError};
use serde_json::{Value, json};

use crate::{
    cli::{
        Context, Output,
        audit::{Verify, exported::read_kept},
        operator::find_workspace,
    },
    compose::Installation,
    failure::{Context as _, Failure},
};

/// What became of one log.
struct Walked {
    name: String,
    /// What the chain amounts to, or the first thing that is wrong with it.
    outcome: Result<Verdict, String>,
    tail: Tail,
}

impl Verify {
    pub(super) async fn run(&self, context: &Context) -> Result<(), Failure> {
        let kept = match &self.checkpoint {
            Some(path) => {
                let text = std::fs::read_to_string(path).or_fail(|| format!("can't read {}", path.display()))?;
                read_kept(&text).or_fail(|| path.display().to_string())?
            }
            None => Vec::new(),
        };
        let walk = async |installation: &Installation| self.walk_all(installation, &kept).await;
        report(&Installation::visit(&context.settings, walk).await?, context.output)
    }

    async fn walk_all(&self, installation: &Installation, kept: &[Checkpoint]) -> Result<Vec<Walked>, Failure> {
        let logs: Vec<(String, OrganizationId)> = match &self.workspace {
            Some(slug) => vec![log_of(installation, slug).await?],
            None => {
                let workspaces = installation.store.organizations().await?;
                let named = workspaces.iter().map(|one| (one.record.slug.as_str().to_owned(), one.meta.id));
                named.chain([("the installation".to_owned(), Organization::installation())]).collect()
            }
        };
        let verified_here = |kept: &&Checkpoint| logs.iter().any(|(_, id)| *id == kept.organization);
        // A server's log has the checkpoints of all; where one log is asked for, the others' are no matter.
        let amiss = match &self.workspace {
            Some(_) => kept.first().filter(|_| !kept.iter().any(|kept| verified_here(&kept))),
            None => kept.iter().find(|kept| !verified_here(kept)),
        };
        if let Some(stray) = amiss {
            return Err(Failure::new(format!("a checkpoint is of {}, which is not verified here", stray.organization)));
        }
        let store = &*installation.store;
        let mut walked = Vec::new();
        for (name, organization) in logs {
            let kept: Vec<Checkpoint> = kept.iter().filter(|kept| kept.organization == organization).copied().collect();
            let outcome = match verify_stored(store, organization, &installation.checkpoint_key, &kept).await {
                Ok(verdict) => Ok(verdict),
                Err(NotVerified::Fault(fault)) => Err(fault.to_string()),
                // What can't be read any more was changed as well.
                Err(NotVerified::Store(StoreError::Corrupt(source))) => Err(source.to_string()),
                Err(NotVerified::Store(error)) => return Err(error.into()),
            };
            walked.push(Walked { name, outcome, tail: store.tail(Some(organization)).await? });
        }
        Ok(walked)
    }
}

/// The log that `--workspace` names.
pub(super) async fn log_of(installation: &Installation, slug: &str) -> Result<(String, OrganizationId), Failure> {
    if slug == "-" {
        return Ok(("the installation".to_owned(), Organization::installation()));
    }
    let workspace = find_workspace(installation, slug).await?;
    Ok((workspace.record.slug.as_str().to_owned(), workspace.meta.id))
}

fn report(walked: &[Walked], output: Output) -> Result<(), Failure> {
    let fault = walked.iter().find_map(|walked| walked.outcome.as_ref().err().map(|fault| (&walked.name, fault)));
    let logs: Vec<Value> = walked.iter().map(document).collect();
    if fault.is_none() || !output.is_for_people() {
        output.show(&json!({ "ok": fault.is_none(), "logs": logs }), || {
            walked.iter().map(words).collect::<Vec<_>>().join("\n")
        })?;
    }
    fault.map_or(Ok(()), |(name, fault)| Err(Failure::new(format!("the audit log of {name} is not whole: {fault}"))))
}

fn document(walked: &Walked) -> Value {
    let Walked { name, outcome, tail } = walked;
    match outcome {
        Ok(verdict) => json!({
            "log": name,
            "ok": true,
            "entries": verdict.entries,
            "checkpoints": verdict.checkpoints,
            "head": verdict.head.hash.to_string(),
            "unsealed": tail.entries,
        }),
        Err(fault) => json!({ "log": name, "ok": false, "fault": fault, "unsealed": tail.entries }),
    }
}

fn words(walked: &Walked) -> String {
    let Walked { name, outcome, tail } = walked;
    let unsealed = match tail.entries {
        0 => String::new(),
        entries => format!("; {entries} more not sealed yet"),
    };
    match outcome {
        Ok(Verdict { entries, checkpoints, .. }) => {
            format!("{name}: {entries} entries, {checkpoints} checkpoints, whole{unsealed}")
        }
        Err(fault) => format!("{name}: {fault}{unsealed}"),
    }
}
