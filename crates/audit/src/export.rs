//! The export of a chain as JSON lines, which anyone with the public key can verify without access to the store.

use std::collections::VecDeque;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use kernel::{OrganizationId, StoreError};

use crate::{
    canonical::canonical_json,
    checkpoint::Checkpoint,
    log::AuditLog,
    redaction::{SealedEntry, redacted_json},
};

/// The maximum number of entries or checkpoints that are held in memory at a time.
const BATCH: usize = 500;

/// Returns the RFC 8785 JSON of a checkpoint with its signature in base64, as it is logged, exported and stored elsewhere.
#[must_use]
pub fn checkpoint_json(checkpoint: &Checkpoint) -> String {
    let Checkpoint { organization, sequence, hash, signed_at, signature } = checkpoint;
    let signature = BASE64.encode(signature.0);
    format!(
        r#"{{"hash":"{hash}","organizationId":"{organization}","sequence":{sequence},"signature":"{signature}","signedAt":"{signed_at}"}}"#
    )
}

/// Returns the latest checkpoint of an organization. It signs the head of the chain, because each sealed batch moves the
/// head and signs it.
///
/// # Errors
/// [`StoreError`] if the store fails.
pub async fn latest_checkpoint(
    log: &dyn AuditLog,
    organization: OrganizationId,
) -> Result<Option<Checkpoint>, StoreError> {
    let head = log.head(organization).await?.sequence;
    Ok(log.checkpoints(organization, head - 1, 1).await?.pop())
}

/// An export of an organization's chain, oldest entry first: a line `{"entry":{…}}` for each sealed entry, or
/// `{"redacted":{…}}` for what remains of one, and a line `{"checkpoint":{…}}` for each checkpoint, after the entry whose hash it signs.
///
/// Memory use does not depend on the length of the chain.
#[derive(Debug)]
pub struct ChainExport {
    organization: OrganizationId,
    /// The sequence of the last entry of the export.
    end: i64,
    /// The checkpoint of the last entry, which is not stored for long if the chain grows.
    last_checkpoint: Option<Checkpoint>,
    /// The sequence of the last entry that was written.
    sequence: i64,
    /// Checkpoints that were read and are not written yet.
    checkpoints: VecDeque<Checkpoint>,
    /// The sequence of the last checkpoint that was read.
    read_through: i64,
    has_more_checkpoints: bool,
}

impl ChainExport {
    /// Begins the export of the chain up to its current head. Entries that are sealed during the export are left to the
    /// next one, so that this one ends, and ends with a checkpoint.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    pub async fn begin(log: &dyn AuditLog, organization: OrganizationId) -> Result<Self, StoreError> {
        let last_checkpoint = latest_checkpoint(log, organization).await?;
        let end = match &last_checkpoint {
            Some(checkpoint) => checkpoint.sequence,
            None => log.head(organization).await?.sequence,
        };
        Ok(Self {
            organization,
            end,
            last_checkpoint,
            sequence: 0,
            checkpoints: VecDeque::new(),
            read_through: 0,
            has_more_checkpoints: true,
        })
    }

    /// Returns the next lines, each with its line feed; `None` at the end.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    pub async fn next_lines(&mut self, log: &dyn AuditLog) -> Result<Option<String>, StoreError> {
        if self.sequence >= self.end {
            return Ok(None);
        }
        let mut lines = String::new();
        for entry in log.sealed(self.organization, self.sequence, BATCH).await? {
            let Some(seal) = entry.seal().filter(|seal| seal.sequence <= self.end) else { break };
            self.sequence = seal.sequence;
            match &entry {
                SealedEntry::Entry(stored) => push_line(&mut lines, "entry", &canonical_json(stored)),
                SealedEntry::Redacted(redacted) => push_line(&mut lines, "redacted", &redacted_json(redacted)),
            }
            while let Some(checkpoint) = self.next_checkpoint(log).await? {
                push_line(&mut lines, "checkpoint", &checkpoint_json(&checkpoint));
            }
            if let Some(last) = self.last_checkpoint.take_if(|last| last.sequence == self.sequence) {
                push_line(&mut lines, "checkpoint", &checkpoint_json(&last));
            }
        }
        Ok(Some(lines).filter(|lines| !lines.is_empty()))
    }

    /// Takes the next checkpoint if it covers no later entry than the last one that was written.
    async fn next_checkpoint(&mut self, log: &dyn AuditLog) -> Result<Option<Checkpoint>, StoreError> {
        if self.checkpoints.is_empty() && self.has_more_checkpoints {
            self.checkpoints = log.checkpoints(self.organization, self.read_through, BATCH).await?.into();
            match self.checkpoints.back() {
                Some(last) => self.read_through = last.sequence,
                None => self.has_more_checkpoints = false,
            }
        }
        let end = self.last_checkpoint.map_or(i64::MAX, |last| last.sequence);
        let is_due = self.checkpoints.front().is_some_and(|next| next.sequence <= self.sequence && next.sequence < end);
        Ok(if is_due { self.checkpoints.pop_front() } else { None })
    }
}

fn push_line(lines: &mut String, member: &str, json: &str) {
    for part in ["{\"", member, "\":", json, "}\n"] {
        lines.push_str(part);
    }
}
