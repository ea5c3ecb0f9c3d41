//! Why a call came to nothing, told from the errors beneath it.

use std::{error::Error, io};

use webhooks::Failure;

use super::resolver::Unreached;

/// The failure behind an error.
pub(super) fn of(error: &reqwest::Error) -> Failure {
    if error.is_timeout() {
        return Failure::TimedOut;
    }
    let mut source: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = source {
        if let Some(failure) = told(error) {
            return failure;
        }
        source = error.source();
    }
    Failure::Unreachable
}

fn told(error: &(dyn Error + 'static)) -> Option<Failure> {
    if let Some(Unreached(failure)) = error.downcast_ref() {
        return Some(*failure);
    }
    if error.is::<rustls::Error>() {
        return Some(Failure::Untrusted);
    }
    // An `io::Error` passes over what it holds when it is asked for its source.
    told(error.downcast_ref::<io::Error>()?.get_ref()?)
}
