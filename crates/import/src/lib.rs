//! Files of other systems, read into what the domain takes: bytes in, commands and named faults out.
//!
//! Nothing here opens a file, a socket or a store. A file that can't be read as what it should be is [`Unreadable`] as a
//! whole; a part of it that can't be taken is a [`Failure`], and the rest is taken all the same.

pub mod bundle;
mod place;
#[cfg(any(test, feature = "test-support"))]
pub mod sample;
pub mod sarif;
mod shorten;

pub use place::{Failure, Place, Placed, Unreadable};
