//! Streams: whole collections out of one snapshot, a batch at a time.

use async_trait::async_trait;

use crate::{
    error::StoreError,
    page::{Order, Window},
    timestamp::Timestamp,
};

/// Which part of a collection is streamed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamRequest {
    /// In which order.
    pub order: Order,
    /// Within which times.
    pub window: Window,
}

/// A collection on its way.
pub struct Streamed<T> {
    /// What is in the snapshot, in order.
    pub batches: Box<dyn Batches<T>>,
    /// As of a page: no change stamped before this moment can be missing from the snapshot (contract v1 § 6).
    pub as_of: Timestamp,
}

/// Gives out a snapshot batch by batch, at the pace it is asked for. However long the collection, a few batches of it are
/// held at a time.
///
/// The snapshot is held until this is dropped, with what that costs the store: whoever has one sees to it that it does not
/// stay where nobody asks for more.
#[async_trait]
pub trait Batches<T>: Send {
    /// The next of them, in order, none of them empty; `None` at the end.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails or is closed; nothing more comes then.
    async fn next(&mut self) -> Result<Option<Vec<T>>, StoreError>;
}
