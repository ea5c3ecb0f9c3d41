//! Classification of failed calls by the chain of their errors.

use std::{error::Error, io};

use webhooks::Failure;

use super::resolver::Unreached;

/// Returns the failure that caused an error.
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
    // The `source` of an `io::Error` skips the error that it wraps, so that must be checked here.
    told(error.downcast_ref::<io::Error>()?.get_ref()?)
}
