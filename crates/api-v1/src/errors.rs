//! The responses to the errors of commands.

use evidence::EvidenceError;
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

/// Returns the response to an error of a command on evidence claims.
pub(crate) fn evidence_problem(error: EvidenceError) -> Problem {
    match error {
        EvidenceError::Invalid(errors) => Problem::validation(errors.into_iter().map(Issue::from).collect()),
        EvidenceError::UnknownAttachments(indexes) => {
            let issue = |index: usize| Issue::new(["attachmentIds", &index.to_string()], UNKNOWN_ATTACHMENT);
            Problem::validation(indexes.into_iter().map(issue).collect())
        }
        other => Problem::unprocessable(other.to_string()),
    }
}

/// The message about an attachment that the account can't link, the same for every reason, so that it tells nothing about
/// the attachments of others.
const UNKNOWN_ATTACHMENT: &str = "this account has no such attachment: only the account that uploaded a file can link it, \
                                  within 24 hours after the upload";

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
