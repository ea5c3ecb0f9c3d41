//! The tamper-evident audit log: entries in a canonical form are chained by hash and the chain's head is signed, so
//! that anyone with the public key can verify the log (contract v1 § 8).

mod archive;
mod canonical;
mod checkpoint;
mod cosignature;
mod export;
mod hash;
mod hex;
mod link;
mod log;
mod note;
mod note_key;
mod proof;
mod redaction;
mod removal;
mod row_key;
mod stored;
mod stored_entry;
pub mod tables;
mod tile;
mod tlog_proof;
mod tree;
mod tree_head;
mod verify;
mod witness;
mod witness_answer;

pub use archive::{ArchiveObjects, ObjectKey};
pub use canonical::{canonical_json, hash_entry, hashed_json, push_hashed_json};
pub use checkpoint::{Checkpoint, CheckpointSigner, CheckpointVerifier, MalformedSignature, Signature};
pub use cosignature::{Cosignature, cosigned_message};
pub use export::{ChainExport, checkpoint_json, latest_checkpoint};
pub use hash::{Hash, MalformedHash};
pub use link::Link;
pub use log::{AuditFilter, AuditLog, UnsealedStats};
pub use note::{NoteFault, SignatureLine, SignedNote, VerifiedSignature};
pub use note_key::{
    KeyId, KeyName, MalformedKeyName, MalformedVerifierKey, NoteSigner, NoteVerifier, SignatureKind, VerifierKey,
};
pub use proof::{NoProof, ProofPlan, verify_consistency, verify_inclusion};
pub use redaction::{
    ENTRY_REDACTED, REDACTED_SUBJECT, RedactedEntry, Redaction, SealedEntry, is_redactable, recorded_redaction,
    redacted_json, take_recorded,
};
pub use removal::{ENTRIES_REMOVED, Removal, pending_removal, recorded_removal};
pub use row_key::RowKey;
pub use stored::{VerificationError, verify_stored};
pub use stored_entry::{Head, Seal, StoredEntry};
pub use tables::{AuditTables, HasAuditTables};
pub use tile::{Tile, TileContent, entry_bundle, hash_tile, subtree_root};
pub use tlog_proof::{ProofFault, TlogProof};
pub use tree::{BLOCK_ENTRIES, BLOCK_LEVEL, Node, Tree, leaf_hash, node_hash, tree_root};
pub use tree_head::{TreeHead, VerifiedTreeHead, hash_line};
pub use verify::{ChainVerifier, Fault, VerifiedChain};
pub use witness::{AddCheckpoint, parse_cosignatures, parse_witnessed_size};
pub use witness_answer::{WitnessAnswer, WitnessRefusal};
