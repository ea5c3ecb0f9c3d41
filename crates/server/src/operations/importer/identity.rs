//! The identities of records: the values by which an import finds a record again.

use std::collections::{HashMap, HashSet};

use import::identity_columns;
use kernel::{
    Filter, Kind, OrganizationId, OwnedScalar, Reader, Record, ScalarValue, StreamRequest, TimeRange, Timestamp, Ulid,
};
use sha2::{Digest as _, Sha256};
use store::DynStore;

use crate::failure::Failure;

/// The number of parents whose records are read at once.
const PARENTS_AT_ONCE: usize = 50;

/// A digest of a record's identity: its kind, and its key with the key's parent or the other values that identify it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Identity([u8; 16]);

impl Identity {
    /// The identity of a record.
    pub(super) fn of<R: Record>(record: &R) -> Self {
        let values = record.values();
        let columns = identity_columns(R::COLUMNS);
        Self::from_values(R::KIND, columns.into_iter().filter_map(|index| values.get(index).copied()))
    }

    /// The identity of the record of a kind with these values in its identity columns.
    pub(super) fn from_values<'r>(kind: Kind, values: impl IntoIterator<Item = ScalarValue<'r>>) -> Self {
        let mut digest = Sha256::new();
        let mut add = |part: &[u8]| {
            digest.update(part.len().to_be_bytes());
            digest.update(part);
        };
        add(kind.name().as_bytes());
        for value in values {
            // The formatted value begins with its type, so that values of two types differ.
            add(format!("{value:?}").as_bytes());
        }
        let mut identity = [0; 16];
        identity.copy_from_slice(&digest.finalize()[..16]);
        Self(identity)
    }
}

/// The stored records of a kind without keys, of those parents that occurred.
#[derive(Debug, Default)]
pub(super) struct IdentityIndex {
    parents: HashSet<Ulid>,
    ids: HashMap<Identity, Ulid>,
    /// The time before which no record was created that is missing here.
    complete_to: Option<Timestamp>,
}

impl IdentityIndex {
    pub(super) fn get(&self, identity: Identity) -> Option<Ulid> {
        self.ids.get(&identity).copied()
    }

    pub(super) fn insert(&mut self, identity: Identity, id: Ulid) {
        self.ids.insert(identity, id);
    }

    /// The records of these parents that were created since those of this index were read.
    pub(super) async fn later<R: Record>(
        &self,
        store: &DynStore,
        organization: OrganizationId,
        parents: impl IntoIterator<Item = Ulid>,
    ) -> Result<Self, Failure>
    where
        DynStore: Reader<R>,
    {
        let mut later = Self::default();
        later.read::<R>(store, organization, parents, self.complete_to).await?;
        Ok(later)
    }

    /// Reads the records of these parents, unless they were read before.
    pub(super) async fn load<R: Record>(
        &mut self,
        store: &DynStore,
        organization: OrganizationId,
        parents: impl IntoIterator<Item = Ulid>,
    ) -> Result<(), Failure>
    where
        DynStore: Reader<R>,
    {
        self.read::<R>(store, organization, parents, None).await
    }

    async fn read<R: Record>(
        &mut self,
        store: &DynStore,
        organization: OrganizationId,
        parents: impl IntoIterator<Item = Ulid>,
        created_after: Option<Timestamp>,
    ) -> Result<(), Failure>
    where
        DynStore: Reader<R>,
    {
        let Some(column) = identity_columns(R::COLUMNS).first().copied() else { return Ok(()) };
        let prefix = match R::COLUMNS.get(column).map(|column| column.column_type) {
            Some(kernel::ColumnType::Id(prefix)) => prefix,
            _ => return Ok(()),
        };
        let new: Vec<Ulid> = parents.into_iter().filter(|parent| self.parents.insert(*parent)).collect();
        for parents in new.chunks(PARENTS_AT_ONCE) {
            let mut filter = Filter::<R>::default();
            filter.set(column, parents.iter().map(|parent| OwnedScalar::Id(prefix, *parent)));
            let time_range = TimeRange { created_after, ..TimeRange::default() };
            let request = StreamRequest { time_range, ..StreamRequest::default() };
            let mut stream = Reader::<R>::stream(store, organization, &filter, &request).await?;
            self.complete_to = Some(self.complete_to.map_or(stream.as_of, |earlier| earlier.min(stream.as_of)));
            while let Some(batch) = stream.batches.next().await? {
                self.ids.extend(batch.iter().map(|stored| (Identity::of(&stored.record), stored.meta.ulid())));
            }
        }
        Ok(())
    }
}
