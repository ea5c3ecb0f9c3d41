//! One head that is sent to a witness.

use audit::{
    AddCheckpoint, Hash, SignedNote, TreeHead, VerifierKey, WitnessAnswer, WitnessRefusal, verify_consistency,
};
use audit_store::{CosignedHead, CosignedHeads, PublicationError, PublishedLog};
use crypto::Ed25519NoteVerifier;
use kernel::OrganizationId;

use super::{client::WitnessClient, conflicts::ConflictKind};

/// Maximum number of requests for one head: a witness names the size that it has, which may change once more.
const MAX_REQUESTS: usize = 3;

/// A head of the installation's log to send.
pub(super) struct Submission<'a> {
    pub(super) log: &'a PublishedLog,
    pub(super) cosigned: &'a CosignedHeads,
    pub(super) head: &'a TreeHead,
    pub(super) note: &'a SignedNote,
}

/// The outcome of sending a head to a witness.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It has cosigned the head.
    Cosigned(CosignedHead),
    /// The log has grown meanwhile, and another server has sent a later head. The next round sends the newest.
    Outdated,
    /// It has cosigned a tree that the log does not have.
    Conflict { kind: ConflictKind, witnessed_size: u64, size: u64 },
    /// It has not cosigned the head.
    Failed(String),
}

impl Submission<'_> {
    /// Sends the head to a witness, which has cosigned `last` last, as far as it is known.
    pub(super) async fn send(&self, key: &VerifierKey, client: &WitnessClient, last: Option<&CosignedHead>) -> Outcome {
        let mut old = last.map_or((0, None), |last| (last.head.size, Some(last.head.root)));
        for _ in 0..MAX_REQUESTS {
            if old.0 > self.head.size {
                return self.compare_with_newest(old.0).await;
            }
            let hashes = match self.proof_from(old).await {
                Ok(hashes) => hashes,
                Err(outcome) => return outcome,
            };
            let request = AddCheckpoint { old_size: old.0, hashes, head: self.note.clone() };
            let answer = match client.send(&request).await {
                Ok((status, body)) => request.read_answer((status, &body), key, &Ed25519NoteVerifier),
                Err(reason) => return Outcome::Failed(reason),
            };
            match answer {
                Ok(WitnessAnswer::Cosigned { note, .. }) => {
                    let head = self.cosigned.verify(key, note);
                    return head
                        .map_or_else(|| Outcome::Failed(WitnessRefusal::BadSignature.to_string()), Outcome::Cosigned);
                }
                // With the size in the request, only the root can differ.
                Ok(WitnessAnswer::OtherSize(size)) if size == old.0 => return self.other_tree(size),
                Ok(WitnessAnswer::OtherSize(size)) => old = (size, None),
                Err(WitnessRefusal::NotContinued { old_size, .. }) => return self.other_tree(old_size),
                Err(refusal) => return Outcome::Failed(refusal.to_string()),
            }
        }
        Outcome::Failed(
            "the size that it has cosigned changes with each request: another server may send heads".to_owned(),
        )
    }

    /// Returns the proof that the head continues the tree of this size, whose root may be known.
    async fn proof_from(&self, (size, root): (u64, Option<Hash>)) -> Result<Vec<Hash>, Outcome> {
        if size == 0 {
            return Ok(Vec::new());
        }
        match self.log.consistency_proof(OrganizationId::INSTALLATION, size, self.head.size).await {
            Ok(hashes) => match root {
                Some(root) if !verify_consistency((size, root), (self.head.size, self.head.root), &hashes) => {
                    Err(self.other_tree(size))
                }
                _ => Ok(hashes),
            },
            Err(PublicationError::NoProof(_)) => Err(Outcome::Failed(format!(
                "there is no proof that the log continues the {size} entries that it has cosigned, because the oldest entries \
                 were removed since then: its operator must forget the log, or you remove the witness"
            ))),
            Err(error) => Err(Outcome::Failed(error.to_string())),
        }
    }

    /// A witness has cosigned more entries than the head has: by now the log may have them.
    async fn compare_with_newest(&self, witnessed_size: u64) -> Outcome {
        match self.log.head(OrganizationId::INSTALLATION).await {
            Ok((newest, _)) if newest.size >= witnessed_size => Outcome::Outdated,
            Ok((newest, _)) => Outcome::Conflict { kind: ConflictKind::LargerTree, witnessed_size, size: newest.size },
            Err(error) => Outcome::Failed(error.to_string()),
        }
    }

    fn other_tree(&self, witnessed_size: u64) -> Outcome {
        Outcome::Conflict { kind: ConflictKind::OtherTree, witnessed_size, size: self.head.size }
    }
}
