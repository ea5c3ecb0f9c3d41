//! Classification of failed calls by the chain of their errors.

use std::{error::Error, io};

use webhooks::AttemptFailure;

use super::resolver::ResolveError;

/// Returns the failure that caused an error.
pub(super) fn classify(error: &reqwest::Error) -> AttemptFailure {
    if error.is_timeout() {
        return AttemptFailure::TimedOut;
    }
    let mut source: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = source {
        if let Some(failure) = classify_source(error) {
            return failure;
        }
        source = error.source();
    }
    AttemptFailure::Unreachable
}

fn classify_source(error: &(dyn Error + 'static)) -> Option<AttemptFailure> {
    if let Some(ResolveError(failure)) = error.downcast_ref() {
        return Some(*failure);
    }
    if error.is::<rustls::Error>() {
        return Some(AttemptFailure::Untrusted);
    }
    // The `source` of an `io::Error` skips the error that it wraps, so that must be checked here.
    classify_source(error.downcast_ref::<io::Error>()?.get_ref()?)
}
