//! The memory of responses that are made whole before they are sent: pages, batch results, replays.
//!
//! It is reserved before the response is made, and returned once the client has taken the last byte. A client that does
//! not read its responses thus soon waits for its own share, and takes nothing from the shares of others.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;

use super::budget::{MemoryBudget, MemoryHolder, MemoryPermit};
use crate::response::Problem;

/// The memory that is reserved for a response that is no page, in addition to that for the request's body: about the size
/// of one record without long texts.
const BASE_BYTES: usize = 16 * 1024;

/// The memory that a request with a body takes while it is decided on, per byte of the body: the decoded commands, the
/// records that exist already, and the response, as measured with full batches.
const DECODED_FACTOR: usize = 6;

/// The memory that a record which is changed takes, per byte of its texts: as it was loaded, as it is stored, and in the
/// event about the change.
const LOADED_FACTOR: usize = 3;

/// The memory that every response takes besides its body, for its head and the state of its request.
const OVERHEAD_BYTES: usize = 4 * 1024;

/// The maximum time for which a request waits for the memory of its response.
const RESERVATION_TIMEOUT: Duration = Duration::from_secs(5);

/// The memory of one response. All clones share it.
#[derive(Clone, Default)]
pub(crate) struct ResponseMemory(Arc<Mutex<Option<MemoryPermit>>>);

/// The bytes of a response, with the permit for their memory.
struct PermittedBytes {
    bytes: Bytes,
    #[expect(dead_code, reason = "held, never read")]
    permit: MemoryPermit,
}

impl AsRef<[u8]> for PermittedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl ResponseMemory {
    /// Reserves the memory of a page.
    pub(crate) async fn reserve_page(&self, budget: &MemoryBudget, holder: MemoryHolder) -> Result<(), Problem> {
        self.reserve(budget, holder, kernel::MAX_PAGE_BYTES).await
    }

    /// Reserves the memory of another response, and of what is made of the body of its request.
    pub(crate) async fn reserve_for(
        &self,
        budget: &MemoryBudget,
        holder: MemoryHolder,
        request_bytes: usize,
    ) -> Result<(), Problem> {
        self.reserve(budget, holder, decoded_bytes(request_bytes)).await
    }

    /// Ensures that memory is reserved for what is made of the body of the request, and of the records that were loaded
    /// for it.
    ///
    /// # Errors
    /// Those of [`Self::ensure`].
    pub(crate) fn ensure_for(&self, request_bytes: usize, loaded_bytes: usize) -> Result<(), Problem> {
        self.ensure(decoded_bytes(request_bytes).saturating_add(loaded_bytes.saturating_mul(LOADED_FACTOR)))
    }

    async fn reserve(&self, budget: &MemoryBudget, holder: MemoryHolder, bytes: usize) -> Result<(), Problem> {
        let budget = budget.of(holder);
        // A budget whose shares are smaller than one response serves one response at a time.
        let bytes = bytes.min(budget.max_share());
        let permit = budget
            .acquire(holder.key(), bytes, RESERVATION_TIMEOUT)
            .await
            .map_err(|exhausted| Problem::memory_exhausted(exhausted, "responses that are not read yet"))?;
        *self.permit() = Some(permit);
        Ok(())
    }

    /// Ensures that at least this much is reserved, for a response that can still be refused without a loss.
    ///
    /// # Errors
    /// A 429 response if the caller's share is used up, and a 503 response if the whole memory is.
    pub(crate) fn ensure(&self, bytes: usize) -> Result<(), Problem> {
        let mut permit = self.permit();
        let Some(permit) = &mut *permit else { return Ok(()) };
        // As for a reservation: a budget whose shares are smaller than one response serves one response at a time.
        let more = bytes.min(permit.max_share()).saturating_sub(permit.amount());
        permit
            .try_grow(more)
            .map_err(|exhausted| Problem::memory_exhausted(exhausted, "responses that are not read yet"))
    }

    /// Returns bytes that give the reserved memory back once the last of them is dropped.
    pub(crate) fn hold(&self, bytes: Bytes) -> Bytes {
        match self.permit().take() {
            Some(mut permit) if !bytes.is_empty() => {
                permit.resize(OVERHEAD_BYTES + bytes.len());
                Bytes::from_owner(PermittedBytes { bytes, permit })
            }
            _ => bytes,
        }
    }

    fn permit(&self) -> MutexGuard<'_, Option<MemoryPermit>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The memory that a request with a body of this size takes while it is decided on.
fn decoded_bytes(request_bytes: usize) -> usize {
    BASE_BYTES.saturating_add(request_bytes.saturating_mul(DECODED_FACTOR))
}

#[cfg(test)]
mod tests {
    use kernel::Id;
    use ulid::Ulid;

    use super::*;

    const MIB: usize = 1024 * 1024;

    fn account(number: u128) -> MemoryHolder {
        MemoryHolder::Principal(Id::new(Ulid(number)), Ulid(number))
    }

    #[tokio::test(start_paused = true)]
    async fn memory_is_returned_when_the_last_byte_of_the_response_is_dropped() {
        let budget = MemoryBudget::new(4 * MIB);
        let memory = ResponseMemory::default();
        memory.reserve_for(&budget, account(1), MIB).await.unwrap();
        let mut bytes = memory.hold(Bytes::from(vec![b'x'; MIB - OVERHEAD_BYTES]));
        let last = bytes.split_off(bytes.len() - 1);
        drop(bytes);
        let waiting = ResponseMemory::default();
        let refused = waiting.reserve_page(&budget, account(1)).await.unwrap_err();
        assert_eq!(refused.status.as_u16(), 429);
        drop(last);
        waiting.reserve_page(&budget, account(1)).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn an_account_that_reads_none_of_its_responses_takes_nothing_from_others() {
        let budget = MemoryBudget::new(16 * MIB);
        let mut unread = Vec::new();
        loop {
            let memory = ResponseMemory::default();
            if memory.reserve_page(&budget, account(1)).await.is_err() {
                break;
            }
            unread.push(memory.hold(Bytes::from(vec![b'x'; kernel::MAX_PAGE_BYTES - OVERHEAD_BYTES])));
        }
        assert_eq!(unread.len() * kernel::MAX_PAGE_BYTES, 2 * MIB);
        ResponseMemory::default().reserve_page(&budget, account(2)).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_small_response_gives_the_rest_of_its_reservation_back() {
        let budget = MemoryBudget::new(2 * MIB);
        let first = ResponseMemory::default();
        first.reserve_page(&budget, account(1)).await.unwrap();
        let _unread = first.hold(Bytes::from_static(b"x"));
        // The first reservation was the whole share, of which little is left in use.
        ResponseMemory::default().reserve_for(&budget, account(1), 0).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_budget_smaller_than_a_page_serves_one_page_at_a_time() {
        let budget = MemoryBudget::new(1024);
        let first = ResponseMemory::default();
        first.reserve_page(&budget, account(1)).await.unwrap();
        assert!(ResponseMemory::default().reserve_page(&budget, account(1)).await.is_err());
        drop(first);
        ResponseMemory::default().reserve_page(&budget, account(1)).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_replay_that_exceeds_its_share_is_refused() {
        let budget = MemoryBudget::new(4 * MIB);
        let (memory, other) = (ResponseMemory::default(), ResponseMemory::default());
        memory.reserve_for(&budget, account(1), 0).await.unwrap();
        other.reserve_for(&budget, account(1), 0).await.unwrap();
        assert!(memory.ensure(MIB / 4).is_ok());
        assert!(memory.ensure(MIB / 2).is_err());
        drop(other);
        assert!(memory.ensure(MIB / 2).is_ok());
        assert!(memory.ensure(MIB).is_ok(), "a response that is larger than a share is sent alone");
    }
}
