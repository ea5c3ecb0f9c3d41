//! The port of the archive: a store of objects that holds the bodies of old segments. An object is written once, and is
//! never changed; its name follows from what is in it.

use std::ops::Range;

use async_trait::async_trait;
use kernel::{OrganizationId, StoreError};

/// A store of objects that holds the bodies of old segments.
#[async_trait]
pub trait ArchiveObjects: Send + Sync {
    /// Writes an object, unless one of this name exists: that is left as it is.
    ///
    /// # Errors
    /// [`StoreError`] if the archive fails; the object may have been written then.
    async fn write(&self, name: &str, bytes: Vec<u8>) -> Result<(), StoreError>;

    /// Returns a range of an object's bytes, which is short where the object ends; `None` if there is no such object.
    ///
    /// # Errors
    /// [`StoreError`] if the archive fails.
    async fn read(&self, name: &str, range: Range<u64>) -> Result<Option<Vec<u8>>, StoreError>;

    /// Returns up to `limit` of the objects whose names begin with `folder` and a slash, in the order of their names.
    ///
    /// # Errors
    /// [`StoreError`] if the archive fails.
    async fn list(&self, folder: &str, limit: usize) -> Result<Vec<String>, StoreError>;

    /// Removes an object, if it exists.
    ///
    /// # Errors
    /// [`StoreError`] if the archive fails.
    async fn remove(&self, name: &str) -> Result<(), StoreError>;
}

/// The name of an object: the organization, and the first and last sequences of the entries in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    /// The organization of the entries.
    pub organization: OrganizationId,
    /// The sequence of the first entry.
    pub first_sequence: i64,
    /// The sequence of the last entry.
    pub last_sequence: i64,
}

impl ObjectKey {
    /// The folder of an organization's objects.
    #[must_use]
    pub fn folder(organization: OrganizationId) -> String {
        format!("audit/{organization}")
    }

    /// The name of the object. The order of names is that of sequences.
    #[must_use]
    pub fn name(&self) -> String {
        let Self { organization, first_sequence, last_sequence } = self;
        format!("{}/{first_sequence:019}-{last_sequence:019}.nva", Self::folder(*organization))
    }

    /// Returns what the name of an organization's object says; `None` for another name.
    #[must_use]
    pub fn parse(organization: OrganizationId, name: &str) -> Option<Self> {
        let folder = Self::folder(organization);
        let (first, last) = name.strip_prefix(&folder)?.strip_prefix('/')?.strip_suffix(".nva")?.split_once('-')?;
        let key = Self { organization, first_sequence: first.parse().ok()?, last_sequence: last.parse().ok()? };
        (key.name() == name).then_some(key)
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Id, Ulid};

    use super::*;

    #[test]
    fn the_name_of_an_object_says_what_is_in_it() {
        let organization = Id::new(Ulid(7));
        let key = ObjectKey { organization, first_sequence: 65_537, last_sequence: 131_072 };
        let name = key.name();
        assert!(name.ends_with("/0000000000000065537-0000000000000131072.nva"), "{name}");
        assert_eq!(ObjectKey::parse(organization, &name), Some(key));
        assert_eq!(ObjectKey::parse(Id::new(Ulid(8)), &name), None);
        for other in ["", "audit", "audit/1-2.nva", &name[..name.len() - 1], &name.replace("0065537", "+065537")] {
            assert_eq!(ObjectKey::parse(organization, other), None, "{other}");
        }
    }
}
