//! Pagination cursors: signed positions, bound to the organization, the endpoint and the filters they were issued for.

use kernel::{Order, OrganizationId, Position, Timestamp};
use sha2::{Digest, Sha256};
use ulid::Ulid;

/// Protects pagination cursors, so that clients can't alter them.
pub trait CursorSigner: Send + Sync {
    /// Returns the cursor with this payload, in a form that is safe in a query parameter.
    fn sign(&self, payload: &[u8]) -> String;
    /// Returns the payload of a cursor, or `None` if it was not issued here or was altered.
    fn verify(&self, cursor: &str) -> Option<Vec<u8>>;
}

/// A hash of the organization, endpoint and filters that a cursor is bound to.
pub(crate) struct Binding([u8; 16]);

impl Binding {
    /// Creates a binding. `path` is the concrete path; `filters` are the meanings of all parameters except the cursor
    /// and the limit.
    pub(crate) fn new(organization: OrganizationId, path: &str, filters: &[(&str, &str)]) -> Self {
        let mut hash = Sha256::new();
        hash.update(organization.ulid().to_bytes());
        for part in [path].into_iter().chain(filters.iter().flat_map(|(name, value)| [*name, *value])) {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        let mut binding = [0; 16];
        binding.copy_from_slice(&hash.finalize()[..16]);
        Self(binding)
    }
}

const NEWEST: u8 = 1;
const CHANGED: u8 = 2;
const DUE: u8 = 3;
const WITHOUT_DUE_DATE: u8 = 4;

/// The length of a payload in bytes: binding, time of issue, order, and position (time and identifier).
const LENGTH: usize = 16 + 8 + 1 + 8 + 16;

/// Returns a cursor for this position.
pub(crate) fn sign_cursor(
    cipher: &dyn CursorSigner,
    binding: &Binding,
    issued_at: Timestamp,
    position: Position,
) -> String {
    let (order, time, id) = match position {
        Position::Newest(id) => (NEWEST, 0, id),
        Position::Changed(time, id) => (CHANGED, time.millis(), id),
        Position::Due(Some(time), id) => (DUE, time.millis(), id),
        Position::Due(None, id) => (WITHOUT_DUE_DATE, 0, id),
    };
    let mut payload = Vec::with_capacity(LENGTH);
    payload.extend_from_slice(&binding.0);
    payload.extend_from_slice(&issued_at.millis().to_be_bytes());
    payload.push(order);
    payload.extend_from_slice(&time.to_be_bytes());
    payload.extend_from_slice(&id.to_bytes());
    cipher.sign(&payload)
}

/// Returns the position of a cursor, or `None` unless it was issued by this installation for this binding and order, at
/// `oldest` or later.
pub(crate) fn verify_cursor(
    cipher: &dyn CursorSigner,
    binding: &Binding,
    order: Order,
    oldest: Timestamp,
    cursor: &str,
) -> Option<Position> {
    let payload: [u8; LENGTH] = cipher.verify(cursor)?.try_into().ok()?;
    let (bound, rest) = payload.split_first_chunk::<16>()?;
    let (issued_at, rest) = rest.split_first_chunk::<8>()?;
    let (order_byte, rest) = rest.split_first()?;
    let (time, id) = rest.split_first_chunk::<8>()?;
    let id = Ulid::from_bytes(id.try_into().ok()?);
    let time = Timestamp::from_millis(i64::from_be_bytes(*time));
    if *bound != binding.0 || Timestamp::from_millis(i64::from_be_bytes(*issued_at)) < oldest {
        return None;
    }
    match (*order_byte, order) {
        (NEWEST, Order::Newest) => Some(Position::Newest(id)),
        (CHANGED, Order::Changed) => Some(Position::Changed(time, id)),
        (DUE, Order::Due) => Some(Position::Due(Some(time), id)),
        (WITHOUT_DUE_DATE, Order::Due) => Some(Position::Due(None, id)),
        _ => None,
    }
}
