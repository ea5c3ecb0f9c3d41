//! The state of the store, in persistent maps that are cheap to clone.

mod deliveries;
mod log_tables;
mod outbox;
mod partitions;

use std::sync::Arc;

use audit::tables::WaitingRow;
use audit_store::PreparedRow;
use auth::{
    AccountId, Credentials, ExternalIdentity, OneTimeLink, PublishedKey, SavedView, SavedViewId, Session, SessionId,
    TokenHash, UserId,
};
use kernel::{
    AnyRecord, Entry, Id, IdempotencyKey, IdempotencyRecord, KeyClaim, Kind, Meta, OrganizationId, OutboxEvent,
    RepeatedCalls, Resource, Revision, StoreError, Stored, TimeRange, Timestamp,
};
use rpds::RedBlackTreeMapSync as Map;
use store::{
    CallSpan, CallTotals, Day, FUTURE_TOLERANCE, OpenFindings, RecordWords, Rollup, RollupPart, StoredTableImport,
    TableImportId,
};
use ulid::Ulid;
use webhooks::Partition;

pub(crate) use deliveries::with_updated_at;
pub(crate) use log_tables::LogTables;
pub(crate) use outbox::OutboxRow;
pub(crate) use partitions::PartitionRow;

#[derive(Clone, Default)]
pub(crate) struct State {
    pub(crate) records: Map<(Kind, OrganizationId, Ulid), Row>,
    pub(crate) keys: Map<UniqueKey, Ulid>,
    pub(crate) idempotency_records: Map<IdempotencyKey, IdempotencyRecord>,
    /// The bytes that holders have stored outside of the database.
    pub(crate) usage: Map<(OrganizationId, Ulid), i64>,
    pub(crate) key_claims: Map<IdempotencyKey, KeyClaim>,
    pub(crate) outbox: Map<(OrganizationId, Id<OutboxEvent>), OutboxRow>,
    pub(crate) partitions: Map<Partition, PartitionRow>,
    /// The counts of repeated calls, by the entry of the first call.
    pub(crate) repeated_calls: Map<(OrganizationId, Id<Entry>), RepeatedCalls>,
    /// The tables of the audit log.
    pub(crate) log: LogTables,
    pub(crate) last_used: Map<(OrganizationId, AccountId), Timestamp>,
    pub(crate) master_key_check: Option<String>,
    pub(crate) installation_id: Option<String>,
    pub(crate) signing_keys: Map<String, PublishedKey>,
    pub(crate) credentials: Map<(OrganizationId, UserId), Credentials>,
    pub(crate) sessions: Map<(OrganizationId, SessionId), Session>,
    pub(crate) links: Map<(OrganizationId, TokenHash), OneTimeLink>,
    /// The identities of users, by issuer and subject.
    pub(crate) identities: Map<(OrganizationId, String, String), ExternalIdentity>,
    pub(crate) views: Map<(OrganizationId, SavedViewId), SavedView>,
    pub(crate) leases: Map<String, LeaseRow>,
    pub(crate) rollups: Map<(OrganizationId, RollupPart), Rollup>,
    pub(crate) open_findings: Map<(OrganizationId, Day), OpenFindings>,
    pub(crate) calls: Map<(OrganizationId, AccountId, CallSpan, Timestamp), CallTotals>,
    /// The words of records that are indexed.
    pub(crate) words: Map<(Kind, OrganizationId, Ulid), RecordWords>,
    /// The times up to which the words are indexed.
    pub(crate) indexed: Map<(OrganizationId, Kind), Timestamp>,
    pub(crate) table_imports: Map<(OrganizationId, Id<TableImportId>), StoredTableImport>,
    pub(crate) table_parts: Map<(OrganizationId, Id<TableImportId>, i64), Arc<[u8]>>,
}

#[derive(Clone)]
pub(crate) struct Row {
    pub(crate) meta: Meta<dyn AnyRecord>,
    pub(crate) record: Arc<dyn AnyRecord>,
}

#[derive(Clone)]
pub(crate) struct LeaseRow {
    pub(crate) owner: String,
    pub(crate) expires_at: Timestamp,
}

/// Kind, organization, key, and the parent within which the key is unique.
pub(crate) type UniqueKey = (Kind, OrganizationId, String, Option<Ulid>);

/// The scope of a unique key is the organization or a parent in it, but slugs are unique across all organizations.
pub(crate) fn unique_key(kind: Kind, organization: OrganizationId, key: &str, within: Option<Ulid>) -> UniqueKey {
    let scope = if kind == Kind::Organization { OrganizationId::INSTALLATION } else { organization };
    (kind, scope, key.to_owned(), within)
}

impl Row {
    pub(crate) fn is_within(&self, range: &TimeRange) -> bool {
        range.contains(self.meta.created_at, self.meta.updated_at, self.record.due_at())
    }

    pub(crate) fn read<R: Resource>(&self) -> Option<Stored<R>> {
        let record = self.record.as_any().downcast_ref::<R>()?.clone();
        Some(Stored { meta: self.meta.cast(), record })
    }
}

impl State {
    /// Lets idempotency records and claims that would be stored for over an hour longer than until `latest` expire then.
    pub(crate) fn cap_idempotency(&mut self, latest: Timestamp) {
        let limit = latest + FUTURE_TOLERANCE;
        let records = self.idempotency_records.values().filter(|record| record.expires_at > limit);
        for record in records.cloned().collect::<Vec<_>>() {
            self.idempotency_records.insert_mut(record.key.clone(), IdempotencyRecord { expires_at: latest, ..record });
        }
        let claims = self.key_claims.values().filter(|claim| claim.expires_at > limit);
        for claim in claims.cloned().collect::<Vec<_>>() {
            self.key_claims.insert_mut(claim.key.clone(), KeyClaim { expires_at: latest, ..claim });
        }
    }

    pub(crate) fn record<R: Resource>(&self, organization: OrganizationId, id: Id<R>) -> Option<Stored<R>> {
        self.records.get(&(R::KIND, organization, id.ulid()))?.read()
    }

    /// The organization's records of a kind, oldest first.
    pub(crate) fn rows(&self, kind: Kind, organization: OrganizationId) -> impl DoubleEndedIterator<Item = &Row> {
        let (first, last) = ((kind, organization, Ulid::nil()), (kind, organization, Ulid::max()));
        self.records.range(first..=last).map(|(_, row)| row)
    }

    /// The records of a kind of all organizations.
    pub(crate) fn rows_of_all_organizations(&self, kind: Kind) -> impl DoubleEndedIterator<Item = &Row> {
        let (first, last) = ((kind, Id::new(Ulid::nil()), Ulid::nil()), (kind, Id::new(Ulid::max()), Ulid::max()));
        self.records.range(first..=last).map(|(_, row)| row)
    }

    pub(crate) fn revision(&self, kind: Kind, organization: OrganizationId, id: Ulid) -> Option<Revision> {
        self.records.get(&(kind, organization, id)).map(|row| row.meta.revision)
    }

    pub(crate) fn idempotency_record(&self, key: &IdempotencyKey, now: Timestamp) -> Option<&IdempotencyRecord> {
        self.idempotency_records.get(key).filter(|record| now < record.expires_at)
    }

    /// Adds a row of entries that wait for their seal.
    pub(crate) fn add_waiting(&mut self, row: &WaitingRow) -> Result<(), StoreError> {
        let key = row.key;
        let added = self.log.add_waiting(row);
        added.ok_or_else(|| StoreError::Corrupt(format!("the row {} of entries exists already", key.id).into()))
    }

    /// Adds rows of entries that wait for their seal.
    pub(crate) fn add_rows(&mut self, rows: &[PreparedRow]) -> Result<(), StoreError> {
        rows.iter().try_for_each(|prepared| self.add_waiting(&prepared.row))
    }
}
