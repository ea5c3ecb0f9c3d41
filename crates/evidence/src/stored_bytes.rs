//! The check that the bytes of an attachment are stored.

use crate::{
    content::{ContentError, ContentStore},
    content_record::EvidenceContent,
};

/// Returns whether the store has an object with the bytes of a content, by the record of that content, if there is one.
/// Only the size of the object is compared, which takes one call of the store: that the bytes are the right ones is seen
/// when they are read.
///
/// # Errors
/// [`ContentError`] if the store can't be used.
pub async fn is_stored(contents: &dyn ContentStore, content: Option<&EvidenceContent>) -> Result<bool, ContentError> {
    let Some(object) = content.and_then(EvidenceContent::object) else { return Ok(false) };
    match contents.read(&object, 0..0).await {
        Ok(_) => Ok(true),
        Err(ContentError::Missing(_) | ContentError::Altered(_)) => Ok(false),
        Err(error) => Err(error),
    }
}
