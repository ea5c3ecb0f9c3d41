//! The memory that parsed JSON values take, as it is estimated while they are parsed.

use std::cell::Cell;

use serde::de::Error;

/// The maximum memory of the values of one document, in bytes: as much as is reserved for deciding on the largest body.
pub(super) const MAX_PARSED_BYTES: usize = 6 * 1024 * 1024;

/// The memory that a text takes besides its bytes, in the heap.
const TEXT_OVERHEAD: usize = 16;

/// The memory of an item of an array, whose capacity may be twice its length.
const ITEM_BYTES: usize = 2 * size_of::<serde_json::Value>();

/// The number of items that an array with a single one has room for.
const MIN_CAPACITY: usize = 4;

/// The memory of a node of the tree that an object is.
const NODE_BYTES: usize = 640;

/// The number of members that a node has at least when more are added.
const MEMBERS_PER_NODE: usize = 6;

/// The memory of the values that were parsed so far.
#[derive(Default)]
pub(super) struct ParsedSize(Cell<usize>);

impl ParsedSize {
    /// The estimated memory in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.0.get()
    }

    /// Adds a text.
    pub(super) fn add_text<E: Error>(&self, text: &str) -> Result<(), E> {
        self.add(text.len() + TEXT_OVERHEAD)
    }

    /// Adds an item of an array that has `before` items already.
    pub(super) fn add_item<E: Error>(&self, before: usize) -> Result<(), E> {
        self.add(if before == 0 { MIN_CAPACITY * size_of::<serde_json::Value>() } else { ITEM_BYTES })
    }

    /// Adds a member of an object that has `before` members already.
    pub(super) fn add_member<E: Error>(&self, before: usize, name: &str) -> Result<(), E> {
        self.add_text(name)?;
        self.add(if before.is_multiple_of(MEMBERS_PER_NODE) { NODE_BYTES } else { 0 })
    }

    fn add<E: Error>(&self, bytes: usize) -> Result<(), E> {
        self.0.set(self.0.get().saturating_add(bytes));
        if self.0.get() <= MAX_PARSED_BYTES {
            return Ok(());
        }
        Err(E::custom(format_args!(
            "the values of the body take more than {} MiB of memory: send fewer objects and array items per request; the limit is reached",
            MAX_PARSED_BYTES / (1024 * 1024)
        )))
    }
}
