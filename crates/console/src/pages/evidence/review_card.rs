//! The card of a claim in which it is reviewed or withdrawn.

use evidence::{EvidenceClaim, EvidenceClaimStatus};
use kernel::Stored;
use maud::{Markup, html};

use crate::{
    components::{Choice, Field, NONE, card, choices_across, form_token, reason},
    pages::attempt::Attempt,
    viewer::Viewer,
    words::sentence,
};

/// The card with the review, if there is anything to decide.
pub(super) fn review_card(viewer: &Viewer, claim: &Stored<EvidenceClaim>, attempt: &Attempt<'_>) -> Markup {
    let status = claim.record.status;
    let options = options(status);
    if options.is_empty() {
        return NONE;
    }
    let is_review = status == EvidenceClaimStatus::Pending;
    let note = Field {
        name: "note",
        label: "Note",
        hint: "Kept with the claim, and sent to integrations with the decision. A withdrawal has none: give a reason.",
        error: attempt.fault("note"),
        optional: true,
    };
    let body = html! {
        div.body {
            form.stack method="post" action={ "/app/evidence-claims/" (claim.meta.id) "/review" } novalidate data-guard {
                (form_token(viewer))
                input type="hidden" name="revision" value=(claim.meta.revision.0);
                (choices_across("decision", "Decision", attempt.fault("decision"), &options, attempt.typed("decision")))
                @if is_review { (note.area(2, attempt.typed("note"))) }
                (reason(attempt.typed("reason"), attempt.fault("reason")))
                div.save {
                    button.btn.primary { @if is_review { "Record the decision" } @else { "Withdraw the claim" } }
                    @if is_review { span.small.muted { "Sends evidence.claim.approved or evidence.claim.rejected to the subscriptions that want it." } }
                }
            }
        }
    };
    card("review", if is_review { "Review" } else { "Withdrawal" }, &NONE, &body)
}

/// The decisions that a claim allows now.
pub(super) fn options(status: EvidenceClaimStatus) -> Vec<Choice<'static>> {
    let decisions = status.allowed_next().iter().filter(|next| **next != EvidenceClaimStatus::Expired);
    decisions.map(|next| Choice::new(next.name(), verb(*next), consequence(*next))).collect()
}

fn verb(status: EvidenceClaimStatus) -> String {
    match status {
        EvidenceClaimStatus::Approved => "Approve".to_owned(),
        EvidenceClaimStatus::Rejected => "Reject".to_owned(),
        EvidenceClaimStatus::Withdrawn => "Withdraw".to_owned(),
        other => sentence(other.name()),
    }
}

const fn consequence(status: EvidenceClaimStatus) -> &'static str {
    match status {
        EvidenceClaimStatus::Approved => "It fulfills the requirement until its validity ends",
        EvidenceClaimStatus::Rejected => "It does not fulfill the requirement. New evidence is a new claim",
        EvidenceClaimStatus::Withdrawn => "It was made by mistake, or no longer holds",
        _ => "",
    }
}
