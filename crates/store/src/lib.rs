//! The storage port: the trait that every store implements, and the list of the record types that stores hold.

mod directory;
mod identity;
mod maintenance;
mod master_key;
mod rollups;
mod search;
mod table_imports;

use audit::{AuditLog, HasAuditTables};
use auth::{Accounts, PeopleStore, SavedViews, SigningKeys};
use evidence::DueEvidence;
use kernel::{AuditTrail, Ledger, Reader};
use webhooks::{DeliveryHistory, EventFanOut, PartitionQueue};

pub use directory::Directory;
pub use identity::{InstallationIdentity, LogGeneration};
pub use maintenance::{FUTURE_TOLERANCE, Lease, MAX_DELIVERY_DELAY, MAX_LEASE_DURATION, Maintenance};
pub use master_key::MasterKeyCheck;
pub use rollups::{
    AccountCalls, AgeBucket, CallSpan, CallTotals, Counts, Day, DeliveryCounts, DueBucket, EXPIRY_WEEKS,
    EvidenceCounts, EvidenceState, FindingCounts, MAX_DAYS, MAX_LISTED_CALLS, MAX_NEXT_SUBMISSIONS, OpenFindings,
    OpenHistory, Rollup, RollupPart, Rollups, SubmissionCounts, calls_by_hour, calls_by_minute, calls_in_last_week,
    delivery_counts, evidence_counts, finding_counts, is_current, submission_counts,
};
pub use search::{
    Backlog, Candidates, IndexedRecord, MAX_CANDIDATES, MAX_LOOKED_THROUGH, MAX_TERMS, MAX_WORD_LENGTH, MAX_WORDS,
    RecordWords, SearchIndex, SearchTerms, TitleFollower, index_titles, searched_kinds,
};
pub use table_imports::{MAX_TABLE_IMPORTS, StoredTableImport, TableImportId, TableImports};

/// Calls `$with!` with every record type that stores hold, as `Kind => Type` pairs: the kinds with commands of their
/// own, then the registers. [`Store`] and the dispatch of stores are generated from this list, so none can miss a kind.
#[macro_export]
macro_rules! for_each_resource {
    ($with:ident) => {
        ::registers::for_each_register! { $with,
            Organization => ::kernel::Organization,
            ServiceAccount => ::auth::ServiceAccount,
            User => ::auth::User,
            Finding => ::findings::Finding,
            FindingEvent => ::findings::FindingEvent,
            SubmissionEvent => ::submissions::SubmissionEvent,
            EvidenceAttachment => ::evidence::EvidenceAttachment,
            EvidenceContent => ::evidence::EvidenceContent,
            WebhookSubscription => ::webhooks::WebhookSubscription,
            WebhookDelivery => ::webhooks::WebhookDelivery,
        }
    };
}

macro_rules! store {
    ($($kind:ident => $record:ty,)*) => {
        /// All operations of a store. The trait is object safe: the server holds a store as [`DynStore`].
        pub trait Store:
            Ledger
            + AuditTrail
            + AuditLog
            + HasAuditTables
            + Accounts
            + PeopleStore
            + SavedViews
            + SigningKeys
            + MasterKeyCheck
            + InstallationIdentity
            + Directory
            + Maintenance
            + EventFanOut
            + PartitionQueue
            + DeliveryHistory
            + DueEvidence
            + Rollups
            + SearchIndex
            + TableImports
            $(+ Reader<$record>)*
        {
        }

        impl<T> Store for T where
            T: Ledger
                + AuditTrail
                + AuditLog
                + HasAuditTables
                + Accounts
                + PeopleStore
            + SavedViews
                + SigningKeys
                + MasterKeyCheck
                + InstallationIdentity
                + Directory
                + Maintenance
                + EventFanOut
                + PartitionQueue
                + DeliveryHistory
                + DueEvidence
                + Rollups
                + SearchIndex
                + TableImports
                $(+ Reader<$record>)*
        {
        }
    };
}
for_each_resource!(store);

/// A store of any implementation.
pub type DynStore = dyn Store;
