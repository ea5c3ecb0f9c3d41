//! The port of the bytes of attachments: an object store.
//!
//! The bytes of an attachment are one object, whose key names the organization, the SHA-256 of the bytes, and a
//! *generation*: a fresh ULID. The row of the content (one for each organization and hash) names the object that has the
//! bytes. Because a key is never used twice, a removal that comes late never removes the bytes of a later upload.
//!
//! An upload takes these steps, so that no row ever names bytes that are not stored:
//!
//! 1. [`ContentStore::begin_upload`], [`ContentUpload::write`] for each chunk, [`ContentUpload::finish`]. The hash is
//!    known then, and no object is visible yet.
//! 2. Read the row of the content. If it names an object, read that as a whole; if it is intact,
//!    [`FinishedUpload::discard`] and use it. Otherwise [`FinishedUpload::store`] the bytes as a new generation, which the
//!    row then names instead of an object that is missing or was altered.
//! 3. Commit the attachment together with the row of the content, written under the revision that was read, even if
//!    nothing of it changes: the removal of contents that nobody names writes the same row under its revision, so one of
//!    the two fails and decides again. If the commit fails because another upload has stored the same content, read its
//!    row again, [`ContentStore::remove`] the own object, and use the other one.
//!
//! The row of a content remains when its last attachment is removed, but it names no object any more, and the next upload
//! of the same bytes names a new one in it. A process that dies between two steps leaves an object that no row names,
//! which the sweep removes later.

use std::{fmt, ops::Range, str::FromStr};

use async_trait::async_trait;
use bytes::Bytes;
use kernel::{OrganizationId, Timestamp, Ulid};

/// Stores the bytes of attachments.
#[async_trait]
pub trait ContentStore: Send + Sync {
    /// Begins an upload. `upload` is a fresh ULID, which no other upload has.
    ///
    /// # Errors
    /// [`ContentError`] if the store can't accept it.
    async fn begin_upload(
        &self,
        organization: OrganizationId,
        upload: Ulid,
    ) -> Result<Box<dyn ContentUpload>, ContentError>;

    /// Opens a stored content for reading `range` of it, which must be within its size. A reader of the whole content
    /// verifies its hash; a reader of a part of it only verifies the size of the whole.
    ///
    /// # Errors
    /// [`ContentError::Missing`] if there is no such object, [`ContentError::Altered`] if it has another size, and
    /// [`ContentError::Unavailable`] if the store fails.
    async fn read(&self, content: &StoredContent, range: Range<u64>) -> Result<Box<dyn ContentReader>, ContentError>;

    /// The memory in bytes that a reader takes at most, together with the two chunks that it returned last: one that is
    /// being passed on, and one that waits for that.
    fn reader_bytes(&self) -> usize;

    /// Removes an object. Removing one that does not exist succeeds.
    ///
    /// # Errors
    /// [`ContentError::Unavailable`] if the store fails.
    async fn remove(&self, name: &ObjectName) -> Result<(), ContentError>;

    /// Lists up to `limit` objects in the order of their names, those after `after`. Objects whose names are not of this
    /// program are skipped.
    ///
    /// # Errors
    /// [`ContentError::Unavailable`] if the store fails.
    async fn list(&self, after: Option<&ObjectName>, limit: usize) -> Result<Vec<ListedObject>, ContentError>;

    /// Checks that the store can be read, and, unless it could a short time ago, that it can be written to. Nothing remains
    /// of what is written.
    ///
    /// # Errors
    /// [`ContentError`] if it can't; [`ContentError::Full`] if it only has no space left.
    async fn probe(&self) -> Result<(), ContentError>;
}

/// An upload that is receiving its bytes. Dropping it discards what was received.
#[async_trait]
pub trait ContentUpload: Send {
    /// Adds the next bytes. Returns once the store can take more, so a caller that waits has a bounded amount in memory.
    ///
    /// # Errors
    /// [`ContentError`] if the bytes can't be stored; the upload has failed then.
    async fn write(&mut self, chunk: Bytes) -> Result<(), ContentError>;

    /// Completes the upload.
    ///
    /// # Errors
    /// [`ContentError`] if the bytes can't be stored.
    async fn finish(self: Box<Self>) -> Result<Box<dyn FinishedUpload>, ContentError>;
}

/// An upload that has all of its bytes and can become an object. Dropping it discards the bytes.
#[async_trait]
pub trait FinishedUpload: Send + Sync {
    /// The hash of the bytes.
    fn hash(&self) -> ContentHash;

    /// The number of bytes.
    fn size(&self) -> u64;

    /// Stores the bytes as the object with this generation, which must be a fresh ULID. The object is durable when this
    /// returns.
    ///
    /// # Errors
    /// [`ContentError`] if the object can't be stored; nothing of it remains, or something that the sweep removes.
    async fn store(self: Box<Self>, generation: Ulid) -> Result<StoredContent, ContentError>;

    /// Discards the bytes now.
    async fn discard(self: Box<Self>);
}

/// Reads the bytes of a content, at the pace of the consumer.
#[async_trait]
pub trait ContentReader: Send {
    /// Returns the next bytes, at most 256 KiB; `None` at the end. The hash is verified before the last bytes of a whole
    /// content are returned, so an altered content is never returned as a whole.
    ///
    /// # Errors
    /// [`ContentError`]; the reader has ended then.
    async fn next(&mut self) -> Result<Option<Bytes>, ContentError>;
}

/// A content that is stored as an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredContent {
    /// The key of the object.
    pub key: ContentKey,
    /// The number of bytes.
    pub size: u64,
}

/// An object in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedObject {
    /// The name of the object.
    pub name: ObjectName,
    /// The number of bytes.
    pub size: u64,
    /// The time of its last change, by the clock of the store.
    pub modified_at: Timestamp,
}

/// The failure of an object store.
#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    /// The store can't be reached, refuses the credentials, or has failed. A later attempt may succeed.
    #[error("the store of attachments is not available: {0}")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store has no space left.
    #[error("the store of attachments has no space left: {0}")]
    Full(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// There is no object with this key.
    #[error("the store of attachments has no object {0}")]
    Missing(ContentKey),
    /// The object has other bytes than those that were stored.
    #[error("the object {0} in the store of attachments was altered: its size or SHA-256 is another one")]
    Altered(ContentKey),
}

impl ContentError {
    /// The damage of the object, if that is the failure.
    #[must_use]
    pub const fn damage(&self) -> Option<ContentDamage> {
        match self {
            Self::Missing(_) => Some(ContentDamage::Missing),
            Self::Altered(_) => Some(ContentDamage::Altered),
            Self::Unavailable(_) | Self::Full(_) => None,
        }
    }
}

/// The damage of an object that a record names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentDamage {
    /// There is no such object.
    Missing,
    /// It has other bytes than those that were stored.
    Altered,
}

impl ContentDamage {
    /// The name in the audit log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Altered => "altered",
        }
    }
}

/// The SHA-256 of a content, written as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContentHash(pub [u8; 32]);

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ContentHash {
    type Err = MalformedContentName;

    fn from_str(text: &str) -> Result<Self, MalformedContentName> {
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(MalformedContentName),
        };
        if text.len() != 64 {
            return Err(MalformedContentName);
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Ok(Self(hash))
    }
}

/// The key of the object that has a content: `org_…/ab/ab….01…`, with the organization, the first two digits of the hash,
/// the hash, and the generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ContentKey {
    /// The organization that the content belongs to.
    pub organization: OrganizationId,
    /// The hash of the content.
    pub hash: ContentHash,
    /// The ULID that distinguishes this object from earlier and later ones with the same content.
    pub generation: Ulid,
}

impl fmt::Display for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { organization, hash, generation } = self;
        write!(f, "{organization}/{:02x}/{hash}.{generation}", hash.0[0])
    }
}

/// The name of an object or of an upload in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ObjectName {
    /// The object that has a content.
    Content(ContentKey),
    /// The bytes of an upload that has not become an object: `org_…/uploads/01…`.
    Upload(OrganizationId, Ulid),
}

impl From<ContentKey> for ObjectName {
    fn from(key: ContentKey) -> Self {
        Self::Content(key)
    }
}

impl fmt::Display for ObjectName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Content(key) => fmt::Display::fmt(key, f),
            Self::Upload(organization, upload) => write!(f, "{organization}/{UPLOADS}/{upload}"),
        }
    }
}

const UPLOADS: &str = "uploads";

/// The text is not the name of an object of this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the name of an object with the bytes of an attachment")]
pub struct MalformedContentName;

impl FromStr for ObjectName {
    type Err = MalformedContentName;

    fn from_str(text: &str) -> Result<Self, MalformedContentName> {
        let parse = || {
            let (organization, rest) = text.split_once('/')?;
            let organization = organization.parse().ok()?;
            let (folder, name) = rest.split_once('/')?;
            if folder == UPLOADS {
                return Some(Self::Upload(organization, Ulid::from_string(name).ok()?));
            }
            let (hash, generation) = name.split_once('.')?;
            let (hash, generation) = (hash.parse().ok()?, Ulid::from_string(generation).ok()?);
            Some(Self::Content(ContentKey { organization, hash, generation }))
        };
        // Only the one spelling that `Display` writes: another one would name another object.
        parse().filter(|name| name.to_string() == text).ok_or(MalformedContentName)
    }
}

impl FromStr for ContentKey {
    type Err = MalformedContentName;

    fn from_str(text: &str) -> Result<Self, MalformedContentName> {
        match text.parse()? {
            ObjectName::Content(key) => Ok(key),
            ObjectName::Upload(..) => Err(MalformedContentName),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> ContentKey {
        ContentKey { organization: OrganizationId::new(Ulid(31)), hash: ContentHash([0xa7; 32]), generation: Ulid(2) }
    }

    #[test]
    fn the_key_of_an_object_names_organization_hash_and_generation() {
        let text = key().to_string();
        let hash = "a7".repeat(32);
        assert_eq!(text, format!("org_0000000000000000000000000Z/a7/{hash}.00000000000000000000000002"));
        assert_eq!(text.parse(), Ok(key()));
    }

    #[test]
    fn an_upload_has_a_name_of_its_own() {
        let name = ObjectName::Upload(key().organization, Ulid(3));
        assert_eq!(name.to_string(), "org_0000000000000000000000000Z/uploads/00000000000000000000000003");
        assert_eq!(name.to_string().parse(), Ok(name));
        assert_eq!(name.to_string().parse::<ContentKey>(), Err(MalformedContentName));
    }

    #[test]
    fn any_other_spelling_of_a_name_is_refused() {
        let text = key().to_string();
        let others = [
            String::new(),
            text.to_lowercase(),
            text.to_uppercase(),
            text.replace("/a7/", "/a8/"),
            text.replace("/a7/", "/"),
            text.replace("/a7/", "//"),
            text.replace("a7a7a7", "a7a7"),
            format!("{text}/"),
            format!("{text}0"),
            format!("/{text}"),
            format!("../{text}"),
            text.replace('.', "/"),
        ];
        for other in others {
            assert_eq!(other.parse::<ObjectName>(), Err(MalformedContentName), "{other}");
        }
    }
}
