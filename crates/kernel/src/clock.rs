//! The port of the current time.

use crate::timestamp::Timestamp;

/// The source of the current time.
pub trait Clock: Send + Sync {
    /// Returns the current time.
    fn now(&self) -> Timestamp;
}
