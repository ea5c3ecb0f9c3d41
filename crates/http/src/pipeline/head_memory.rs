//! The memory that requests in flight take besides their bodies: for their heads, and for the tasks that handle them.

use axum::http::request::Parts;

use crate::{
    memory::{MemoryBudget, MemoryHolder, MemoryPermit},
    response::Problem,
};

/// The memory for authenticated requests in flight, in bytes. A quarter as much in addition is for unauthenticated ones.
pub(super) const MAX_HEAD_MEMORY: usize = 64 * 1024 * 1024;

/// The memory of a request without header fields: its task and its state.
const REQUEST_BYTES: usize = 8 * 1024;

/// The memory of a header field besides its name and value.
const FIELD_BYTES: usize = 128;

/// The memory of one request, which its holder is charged for until it has been answered.
pub(super) struct HeadMemory {
    bytes: usize,
    permit: Option<MemoryPermit>,
}

impl HeadMemory {
    /// Measures the head, without charging it to anyone yet.
    pub(super) fn new(parts: &Parts) -> Self {
        let fields = parts.headers.iter().map(|(name, value)| name.as_str().len() + value.len() + FIELD_BYTES);
        let target = parts.uri.path_and_query().map_or(0, |target| target.as_str().len());
        Self { bytes: REQUEST_BYTES + target + fields.sum::<usize>(), permit: None }
    }

    /// Charges the request to this holder, and no longer to an earlier one.
    ///
    /// # Errors
    /// A 429 response if the share of the holder is used up, and a 503 response if the whole memory is.
    pub(super) fn charge_to(&mut self, budget: &MemoryBudget, holder: MemoryHolder) -> Result<(), Problem> {
        self.permit = None;
        let charged = budget.of(holder).try_acquire(holder.key(), self.bytes);
        self.permit = Some(charged.map_err(|exhausted| Problem::memory_exhausted(exhausted, "requests in progress"))?);
        Ok(())
    }
}
