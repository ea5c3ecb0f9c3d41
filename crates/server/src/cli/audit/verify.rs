//! Verification of the audit logs in the database.

use std::collections::BTreeMap;

use audit::{Checkpoint, UnsealedStats, VerificationError, VerifiedChain};
use audit_store::{Expected, NamedHeads};
use crypto::Ed25519NoteVerifier;
use kernel::{OrganizationId, StoreError};

use super::{
    kept_heads::{KeptHeads, KeptNote},
    verify_report::{LogResult, Verification, report},
};
use crate::{
    cli::{CommandContext, audit::Verify},
    compose::Installation,
    failure::Failure,
    operations::{find_workspace, recorded_incidents, refused_rows},
};

impl Verify {
    pub(super) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let kept = KeptHeads::read(self.checkpoint.as_deref())?;
        let verify = async |installation: &Installation| self.verify_all(installation, &kept).await;
        report(&Installation::with(&context.settings, verify).await?, context.output)
    }

    async fn verify_all(&self, installation: &Installation, kept: &KeptHeads) -> Result<Verification, Failure> {
        let logs = match &self.workspace {
            Some(slug) => vec![find_log(installation, slug).await?],
            None => all_logs(installation).await?,
        };
        let is_verified = |organization: &OrganizationId| logs.iter().any(|(_, id)| id == organization);
        // A server logs the checkpoints of all logs; with --workspace those of other logs are ignored.
        let foreign = match &self.workspace {
            Some(_) => kept.organizations().next().filter(|_| !kept.organizations().any(|of| is_verified(&of))),
            None => kept.organizations().find(|of| !is_verified(of)),
        };
        if let Some(organization) = foreign {
            return Err(Failure::new(format!(
                "a checkpoint in the --checkpoint file belongs to {organization}, whose log is not verified"
            )));
        }
        // The log of the installation, which is the last, names heads of the others.
        let mut named = BTreeMap::new();
        let mut results = Vec::new();
        let mut unverified = logs;
        while let Some((name, organization)) = unverified.pop() {
            let checkpoints: Vec<Checkpoint> =
                kept.checkpoints.iter().filter(|checkpoint| checkpoint.organization == organization).copied().collect();
            let notes: Vec<&KeptNote> = kept.notes.iter().filter(|note| note.organization == organization).collect();
            let heads = named.remove(&organization).unwrap_or_default();
            let result = verify_log(installation, (organization, name), (&checkpoints, &notes), heads).await?;
            if organization == OrganizationId::INSTALLATION && self.workspace.is_none() && result.outcome.is_ok() {
                named = installation.published_log().log().named_heads().await?;
                // Its own entries state the hashes before them.
                named.remove(&OrganizationId::INSTALLATION);
                let is_missing = |id: &&OrganizationId| unverified.iter().all(|(_, other)| other != *id);
                let missing: Vec<OrganizationId> = named.keys().filter(is_missing).copied().collect();
                unverified.extend(missing.into_iter().map(unnamed_log));
            }
            results.push(result);
        }
        results.reverse();
        Ok(Verification {
            logs: results,
            refused: refused_rows(installation).await?,
            incidents: recorded_incidents(installation, None).await?,
            accepts_incidents: self.accept_recorded,
        })
    }
}

/// Returns the names of all logs: those of the workspaces, that of the installation, and any other that the database has.
async fn all_logs(installation: &Installation) -> Result<Vec<(String, OrganizationId)>, Failure> {
    let workspaces = installation.store.organizations().await?;
    let mut logs: Vec<(String, OrganizationId)> =
        workspaces.iter().map(|workspace| (workspace.record.slug.as_str().to_owned(), workspace.meta.id)).collect();
    for organization in installation.store.audit_tables().organizations().await? {
        if organization != OrganizationId::INSTALLATION && logs.iter().all(|(_, id)| *id != organization) {
            logs.push(unnamed_log(organization));
        }
    }
    logs.push(("the installation".to_owned(), OrganizationId::INSTALLATION));
    Ok(logs)
}

fn unnamed_log(organization: OrganizationId) -> (String, OrganizationId) {
    (format!("{organization}, which is no workspace,"), organization)
}

async fn verify_log(
    installation: &Installation,
    (organization, name): (OrganizationId, String),
    (checkpoints, notes): (&[Checkpoint], &[&KeptNote]),
    named: NamedHeads,
) -> Result<LogResult, Failure> {
    let public_key = installation.audit_logs.signer.public_key();
    let NamedHeads { heads, mut roots } = named;
    for kept in notes {
        match kept.verify(public_key, &Ed25519NoteVerifier) {
            Ok(()) => roots.push((kept.head.size, kept.head.root)),
            Err(fault) => return Ok(LogResult { name, outcome: Err(fault), tail: NO_TAIL }),
        }
    }
    let published = installation.published_log();
    let expected = Expected { checkpoints, roots: &roots, heads: &heads };
    let verified = published.log().verify(organization, &installation.checkpoint_key, expected).await;
    let tail = match installation.store.unsealed_stats(Some(organization)).await {
        // What is wrong with the log is said by the verification.
        Err(StoreError::Corrupt(_)) if verified.is_err() => NO_TAIL,
        tail => tail?,
    };
    let outcome = match verified {
        Ok(chain) => is_complete(organization, &chain, tail).map(|()| chain),
        Err(VerificationError::Fault(fault)) => Err(fault.to_string()),
        // An entry that can't be decoded was changed, too.
        Err(VerificationError::Store(StoreError::Corrupt(source))) => Err(source.to_string()),
        Err(VerificationError::Store(error)) => return Err(error.into()),
    };
    Ok(LogResult { name, outcome, tail })
}

/// The number of unsealed entries of a log that was not read.
const NO_TAIL: UnsealedStats = UnsealedStats { entries: 0, oldest: None };

/// Checks that the log of a workspace is not empty: its creation is an entry of it.
fn is_complete(organization: OrganizationId, chain: &VerifiedChain, tail: UnsealedStats) -> Result<(), String> {
    if organization != OrganizationId::INSTALLATION && chain.head.sequence == 0 && tail.entries == 0 {
        return Err(
            "it is empty, although a workspace has at least the entry of its creation: it was removed".to_owned()
        );
    }
    Ok(())
}

/// Returns the name and the organization of the log that `--workspace` names.
pub(super) async fn find_log(installation: &Installation, slug: &str) -> Result<(String, OrganizationId), Failure> {
    if slug == "-" {
        return Ok(("the installation".to_owned(), OrganizationId::INSTALLATION));
    }
    let workspace = find_workspace(installation, slug).await?;
    Ok((workspace.record.slug.as_str().to_owned(), workspace.meta.id))
}
