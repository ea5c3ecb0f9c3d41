//! The responses to the errors of commands.

use findings::FindingError;
use http_api::response::{Issue, Problem};
use submissions::SubmissionError;
use webhooks::WebhookError;

/// Returns the response to an error of a command on findings.
pub(crate) fn finding_problem(error: FindingError) -> Problem {
    match error {
        FindingError::Invalid(errors) => Problem::validation(errors.into_iter().map(Issue::from).collect()),
        other => Problem::unprocessable(other.to_string()),
    }
}

/// Returns the response to an error of a command on submission packages.
pub(crate) fn submission_problem(error: SubmissionError) -> Problem {
    Problem::unprocessable(error.to_string())
}

/// Returns the response to an error of a command on webhooks.
pub(crate) fn webhook_problem(error: WebhookError) -> Problem {
    match error {
        WebhookError::Invalid(errors) => Problem::validation(errors.into_iter().map(Issue::from).collect()),
        WebhookError::MissingScope(scope) => Problem::forbidden(scope),
        other => Problem::unprocessable(other.to_string()),
    }
}
