//! The life of a finding: its steps, what it can become, and the form that moves it.

use audit::StoredEntry;
use auth::Permission;
use findings::{Finding, Status};
use kernel::{Stored, Timestamp};
use maud::{Markup, html};

use crate::{
    components::{Choice, card, choices_across, form_token, reason, steps},
    pages::{
        attempt::Attempt,
        life::{entered, life},
    },
    viewer::Viewer,
    words::sentence,
};

/// The status with this name.
pub(super) fn status_named(name: &str) -> Option<Status> {
    Status::ALL.iter().copied().find(|status| status.name() == name)
}

/// The card with the steps of the finding's life and the form that moves it.
pub(super) fn where_it_stands(
    viewer: &Viewer,
    finding: &Stored<Finding>,
    history: &[StoredEntry],
    attempt: &Attempt<'_>,
) -> Markup {
    let status = finding.record.status;
    let path: Vec<&str> = path(status).iter().map(|step| step.name()).collect();
    let (life, current) = life(viewer, &path, status.name(), |step| began(step, finding, history));
    let options = options(status);
    let body = html! {
        div.body {
            (steps("Life of a finding", &life, current))
            @if options.is_empty() { p.muted.apart { "It is archived, and nothing changes it any more." } }
            @else if viewer.role.permits(Permission::ChangeRecords) {
                form.stack.apart method="post" action={ "/app/findings/" (finding.meta.id) "/transition" } novalidate data-guard {
                    (form_token(viewer))
                    input type="hidden" name="revision" value=(finding.meta.revision.0);
                    (choices_across("status", "Move it to", attempt.fault("status"), &options, attempt.typed("status")))
                    (reason(attempt.typed("reason"), attempt.fault("reason")))
                    div.save {
                        button.btn.primary { "Move the finding" }
                        span.small.muted { "Sends finding.updated and finding.status_changed to the subscriptions that want them." }
                    }
                }
            }
        }
    };
    card("where", "Where it stands", &html! {}, &body)
}

/// The usual way to a status.
fn path(status: Status) -> &'static [Status] {
    use Status::{Accepted, Archived, Closed, Open, Remediating, RemediationPlanned, Triaged, Verified};
    match status {
        Accepted => &[Open, Triaged, RemediationPlanned, Remediating, Accepted],
        Archived => &[Open, Triaged, RemediationPlanned, Remediating, Verified, Accepted, Closed, Archived],
        _ => &[Open, Triaged, RemediationPlanned, Remediating, Verified, Closed],
    }
}

/// When the finding got this status last, if the history says so. Each begins as an open one.
fn began(step: &str, finding: &Stored<Finding>, history: &[StoredEntry]) -> Option<Timestamp> {
    entered(history, step).or_else(|| (step == Status::Open.name()).then_some(finding.meta.created_at))
}

/// The statuses that a finding can get now.
pub(super) fn options(status: Status) -> Vec<Choice<'static>> {
    status.allowed_next().iter().map(|next| option(status, *next)).collect()
}

fn option(from: Status, to: Status) -> Choice<'static> {
    let text = match (from, to) {
        (Status::Accepted | Status::Closed, Status::Open) => "The problem is back",
        (_, Status::Open) => "It is to be looked at again",
        (_, Status::Triaged) => "Somebody has assessed it",
        (_, Status::RemediationPlanned) => "A fix is agreed and dated",
        (Status::Verified, Status::Remediating) => "The fix was not enough",
        (_, Status::Remediating) => "Work has started",
        (_, Status::Verified) => "The fix was checked",
        (Status::Open | Status::Triaged, Status::Closed) => "Not a finding after all",
        (_, Status::Closed) => "It is resolved",
        (_, Status::Accepted) => "The risk is kept, with a reason",
        (_, Status::Archived) => "For the record only, for good",
    };
    Choice::new(to.name(), sentence(to.name()), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_is_a_step_of_its_own_way() {
        for status in Status::ALL {
            assert!(path(*status).contains(status), "{}", status.name());
        }
    }
}
