//! Verifying the audit log where it is kept.

use audit::{Checkpoint, CheckpointVerifier, Fault, Head, Link, Tail, Verdict, Verification};
use kernel::{Organization, OrganizationId, StoreError};
use serde_json::{Value, json};
use store::DynStore;

use crate::{
    cli::{
        Context, Output,
        audit::{Verify, exported::read_kept},
        operator::find_workspace,
    },
    compose::{Installation, Opening},
    failure::{Context as _, Failure},
};

/// How many entries or checkpoints are read at once.
const STEP: usize = 1000;

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
        let installation = Installation::open(&context.settings, Opening::Tool).await?;
        let walked = self.walk_all(&installation, &kept).await;
        installation.store.close().await;
        report(&walked?, context.output)
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
        if let Some(stray) = kept.iter().find(|kept| logs.iter().all(|(_, id)| *id != kept.organization)) {
            return Err(Failure::new(format!("a checkpoint is of {}, which is not verified here", stray.organization)));
        }
        let store = &*installation.store;
        let mut walked = Vec::new();
        for (name, organization) in logs {
            let kept: Vec<Checkpoint> = kept.iter().filter(|kept| kept.organization == organization).copied().collect();
            let outcome = match walk(store, organization, &installation.checkpoint_key, &kept).await {
                Ok(outcome) => outcome.map_err(|fault| fault.to_string()),
                Err(StoreError::Corrupt(source)) => Err(source.to_string()),
                Err(error) => return Err(error.into()),
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

/// Walks one log up to the head it has when the walk begins, on a running server too.
async fn walk(
    store: &DynStore,
    organization: OrganizationId,
    key: &dyn CheckpointVerifier,
    kept: &[Checkpoint],
) -> Result<Result<Verdict, Fault>, StoreError> {
    let head = store.head(organization).await?;
    let mut source = Source { store, organization, until: head.sequence };
    let mut verification = Verification::new(organization, key);
    for checkpoint in kept {
        if let Err(fault) = verification.checkpoint(checkpoint) {
            return Ok(Err(fault));
        }
    }
    if let Err(fault) = source.feed(&mut verification).await? {
        return Ok(Err(fault));
    }
    // What was sealed since has moved the head on. Where it has not, what lies past it was put there or left over.
    source.until = i64::MAX;
    let beyond = store.sealed(organization, head.sequence, 1).await?.len()
        + store.checkpoints(organization, head.sequence, 1).await?.len();
    if beyond > 0
        && store.head(organization).await? == head
        && let Err(fault) = source.feed(&mut verification).await?
    {
        return Ok(Err(fault));
    }
    Ok(judge(verification, head))
}

fn judge(verification: Verification<'_>, head: Head) -> Result<Verdict, Fault> {
    let last = verification.head().sequence;
    let verdict = verification.finish()?;
    if last < head.sequence {
        return Err(Fault::HeadLost { last, sequence: head.sequence });
    }
    if verdict.signed_through < last {
        return Err(Fault::Unsigned { from: verdict.signed_through + 1 });
    }
    Ok(verdict)
}

/// A stored log, handed to its verification piece by piece.
struct Source<'a> {
    store: &'a DynStore,
    organization: OrganizationId,
    until: i64,
}

impl Source<'_> {
    async fn feed(&self, verification: &mut Verification<'_>) -> Result<Result<(), Fault>, StoreError> {
        let Self { store, organization, until } = *self;
        let mut signed = verification.head().sequence;
        loop {
            // Checkpoints go in before the entries that follow their place.
            let checkpoints = match store.checkpoints(organization, signed, STEP).await {
                Err(StoreError::Corrupt(source)) => {
                    return Err(unreadable(format!("a checkpoint after sequence {signed}"), &*source));
                }
                checkpoints => checkpoints?,
            };
            let reaches =
                if checkpoints.len() < STEP { until } else { checkpoints.last().map_or(until, |last| last.sequence) };
            for checkpoint in checkpoints.iter().filter(|checkpoint| checkpoint.sequence <= until) {
                signed = checkpoint.sequence;
                if let Err(fault) = verification.checkpoint(checkpoint) {
                    return Ok(Err(fault));
                }
            }
            if let Err(fault) = self.feed_entries(verification, reaches.min(until)).await? {
                return Ok(Err(fault));
            }
            if reaches >= until {
                return Ok(Ok(()));
            }
        }
    }

    async fn feed_entries(
        &self,
        verification: &mut Verification<'_>,
        until: i64,
    ) -> Result<Result<(), Fault>, StoreError> {
        let mut step = STEP;
        loop {
            let after = verification.head().sequence;
            let entries = match self.store.sealed(self.organization, after, step).await {
                // Up to the one that can't be read there may be others that were changed.
                Err(StoreError::Corrupt(_)) if step > 1 => {
                    step = 1;
                    continue;
                }
                Err(StoreError::Corrupt(source)) => {
                    return Err(unreadable(format!("what stands at sequence {}", after + 1), &*source));
                }
                entries => entries?,
            };
            for link in entries.iter().filter_map(Link::of) {
                if link.sequence > until {
                    return Ok(Ok(()));
                }
                if let Err(fault) = verification.entry(&link) {
                    return Ok(Err(fault));
                }
            }
            if entries.len() < step {
                return Ok(Ok(()));
            }
        }
    }
}

fn unreadable(what: String, source: &dyn std::error::Error) -> StoreError {
    StoreError::Corrupt(format!("{what} can't be read: {source}").into())
}
