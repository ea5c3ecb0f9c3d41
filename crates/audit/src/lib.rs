//! The audit log as evidence: entries in a canonical form, chained by hash, the chain's head signed, and all of it
//! verifiable by an outsider with a public key (contract v1 § 8).

mod canonical;
mod chain;
mod checkpoint;
mod log;
mod verify;

pub use canonical::{canonical, hash_of};
pub use chain::{seal, Batch};
pub use checkpoint::{Checkpoint, CheckpointSigner, CheckpointVerifier, Signature};
pub use log::{AuditFilter, AuditLog, Hash, Head, Recorded, Seal, Tail, Unsealed};
pub use verify::{Fault, Link, Verdict, Verification};
