//! The audit log over the tables of a store (`audit::AuditTables`): the rows that entries are first stored in, sealing,
//! compaction, lists, proofs, and removal. It knows no database: a store adds the statements.

mod archive_verifier;
mod archived_bodies;
mod archiver;
mod blocks;
mod bytes;
mod compactor;
mod conversion;
mod cosigned_heads;
mod damage;
mod heads;
mod inclusion;
mod keys;
mod lease_owner;
mod log;
mod log_signer;
mod number_ranges;
mod own_state;
mod proofs;
mod published_log;
mod redactor;
mod removal;
mod resting;
mod row_writer;
mod rows;
mod sealer;
mod state;
mod stored_head;
mod tiles;
mod verify;

pub use archive_verifier::{ArchiveFault, ArchiveVerifier, VerifiedArchive};
pub use archived_bodies::{ArchiveError, ArchivedBodies, note_archive_use};
pub use archiver::{Archived, Archiver};
pub use blocks::block_root;
pub use compactor::{Compacted, Compactor};
pub use conversion::{Converted, Converter};
pub use cosigned_heads::{CosignedHead, CosignedHeads, StoredCosignatures};
pub use damage::Damage;
pub use heads::{ReadHeads, read_all_heads, read_heads};
pub use keys::{SealerKeys, TreeHeadSigner};
pub use lease_owner::LeaseOwner;
pub use log::StoredLog;
pub use log_signer::LogSigner;
pub use proofs::ProofError;
pub use published_log::{PublicationError, PublishedLog};
pub use redactor::{Redacted, Redactor};
pub use removal::{CutRule, find_cut, remove_prefix};
pub use row_writer::{PreparedRow, RowWriter};
pub use rows::{ReadRow, RowAttempt, RowFault, read_row};
pub use sealer::{
    ChainFault, HEADS, MissingRows, ROW_REFUSED, ROWS_MISSING, RefusedRow, Round, Sealer, SealerContext,
    WRITER_STATE_ALTERED,
};
pub use stored_head::{head_tag, verify_head};
pub use verify::{Expected, NamedHeads};
