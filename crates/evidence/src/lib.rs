//! Evidence: requirements, the claims that meet them, and the attachments that prove the claims.

mod content;

pub use content::{
    ContentError, ContentHash, ContentKey, ContentReader, ContentStore, ContentUpload, FinishedUpload, ListedObject,
    MalformedContentName, ObjectName, StoredContent,
};
