//! The tamper-evident audit log: entries in a canonical form are chained by hash and the chain's head is signed, so
//! that anyone with the public key can verify the log (contract v1 § 8).

mod canonical;
mod chain;
mod checkpoint;
mod export;
mod hash;
mod hex;
mod log;
mod removal;
mod row_key;
mod stored;
mod stored_entry;
pub mod tables;
mod tree;
mod verify;

pub use canonical::{canonical_json, hash_entry, hashed_json};
pub use chain::{SealedBatch, Unsealed, seal};
pub use checkpoint::{Checkpoint, CheckpointSigner, CheckpointVerifier, MalformedSignature, Signature};
pub use export::{ChainExport, checkpoint_json, latest_checkpoint};
pub use hash::{Hash, MalformedHash};
pub use log::{AuditFilter, AuditLog, UnsealedStats};
pub use removal::{ENTRIES_REMOVED, Removal, pending_removal, recorded_removal};
pub use row_key::RowKey;
pub use stored::{VerificationError, verify_stored};
pub use stored_entry::{Head, Seal, StoredEntry};
pub use tables::{AuditTables, HasAuditTables};
pub use tree::{BLOCK_ENTRIES, BLOCK_LEVEL, Tree, leaf_hash, node_hash, tree_root};
pub use verify::{ChainVerifier, Fault, Link, VerifiedChain};
