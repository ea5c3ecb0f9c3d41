//! The identities of records: the values by which an import finds a record again.

use std::collections::{HashMap, HashSet};

use import::identity_columns;
use kernel::{Filter, Kind, OrganizationId, OwnedScalar, Reader, Record, ScalarValue, StreamRequest, Ulid};
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
}

impl IdentityIndex {
    pub(super) fn get(&self, identity: Identity) -> Option<Ulid> {
        self.ids.get(&identity).copied()
    }

    pub(super) fn insert(&mut self, identity: Identity, id: Ulid) {
        self.ids.insert(identity, id);
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
        let Some(column) = identity_columns(R::COLUMNS).first().copied() else { return Ok(()) };
        let prefix = match R::COLUMNS.get(column).map(|column| column.column_type) {
            Some(kernel::ColumnType::Id(prefix)) => prefix,
            _ => return Ok(()),
        };
        let new: Vec<Ulid> = parents.into_iter().filter(|parent| self.parents.insert(*parent)).collect();
        for parents in new.chunks(PARENTS_AT_ONCE) {
            let mut filter = Filter::<R>::default();
            filter.set(column, parents.iter().map(|parent| OwnedScalar::Id(prefix, *parent)));
            let request = StreamRequest::default();
            let mut stream = Reader::<R>::stream(store, organization, &filter, &request).await?;
            while let Some(batch) = stream.batches.next().await? {
                self.ids.extend(batch.iter().map(|stored| (Identity::of(&stored.record), stored.meta.ulid())));
            }
        }
        Ok(())
    }
}
