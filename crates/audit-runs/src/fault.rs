//! The error of all decoders.

/// The reason that bytes are not a run, or not a part of the index.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RunFault(pub String);

impl RunFault {
    pub(crate) fn new(reason: &str) -> Self {
        Self(reason.to_owned())
    }
}

/// Returns the fault unless the condition holds.
pub(crate) fn ensure(holds: bool, reason: &str) -> Result<(), RunFault> {
    if holds { Ok(()) } else { Err(RunFault::new(reason)) }
}
