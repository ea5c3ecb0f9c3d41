//! The review of a claim: it is approved or rejected with a note, or withdrawn.

use evidence::{AttachedFile, EvidenceClaim, EvidenceClaimStatus, approve, reject, withdraw};
use futures_util::future::BoxFuture;
use http_api::{
    handlers::find,
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::DescriptionRule;

use super::claim::respond;
use crate::{
    pages::{
        attempt::Attempt,
        commit::{Written, commit},
        form_texts::FormTexts,
    },
    registers::TypedFaults,
    response::redirect,
    services::ConsoleServices,
    text_fault::parse_text,
};

/// The message about a claim whose files nobody can have seen.
const BYTES_MISSING: &str = "the bytes of a file of this claim are missing in the store of attachments, or have another size, so it can't be approved: have the operator restore them, or reject the claim";

/// A decision about a claim, by the status that it leads to.
fn decision_named(name: &str) -> Option<EvidenceClaimStatus> {
    use EvidenceClaimStatus::{Approved, Rejected, Withdrawn};
    [Approved, Rejected, Withdrawn].into_iter().find(|status| status.name() == name)
}

/// Handles the form.
pub(super) fn submit<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let claim = find::<EvidenceClaim>(app, request).await?;
        let texts = FormTexts::read(request)?;
        let opened = texts.revision()?;
        if opened != claim.meta.revision {
            return respond(app, request, &claim, &Attempt::stale(&texts)).await;
        }
        let mut faults = TypedFaults::default();
        let decision = texts.0.get("decision").and_then(|name| decision_named(name));
        if decision.is_none() {
            faults.0.insert("decision".to_owned(), "is missing: choose one".to_owned());
        }
        let note = texts.0.get("note").map(|text| text.trim()).filter(|text| !text.is_empty());
        let note = note.map(parse_text::<DescriptionRule>).transpose();
        let note = note.unwrap_or_else(|fault| {
            faults.0.insert("note".to_owned(), fault);
            None
        });
        if decision == Some(EvidenceClaimStatus::Withdrawn) && note.is_some() {
            let message = "is not kept with a withdrawal: put it into the reason, and leave it empty";
            faults.0.insert("note".to_owned(), message.to_owned());
        }
        let reason = texts.reason();
        if let Err(message) = &reason {
            faults.0.insert("reason".to_owned(), message.clone());
        }
        let (Some(decision), Ok(reason), true) = (decision, reason, faults.0.is_empty()) else {
            return respond(app, request, &claim, &Attempt::faulty(&texts, faults)).await;
        };
        let services = ConsoleServices::of(request)?;
        if decision == EvidenceClaimStatus::Approved {
            let files: Vec<AttachedFile> = claim.record.attachments.iter().collect();
            if !services.files.are_stored(app, claim.meta.organization, &files).await? {
                return respond(app, request, &claim, &Attempt::refused(&texts, BYTES_MISSING)).await;
            }
        }
        let written = commit(app, request, Some(&reason), |context, timestamp| match decision {
            EvidenceClaimStatus::Approved => approve(context, &*services.events, timestamp, &claim, note),
            EvidenceClaimStatus::Rejected => reject(context, &*services.events, timestamp, &claim, note),
            _ => withdraw(context, timestamp, &claim),
        });
        match written.await? {
            Written::Done(_) => {
                let address = format!("/app/evidence-claims/{}?done={}", claim.meta.id, decision.name());
                Ok(redirect(&address).recorded())
            }
            Written::Refused(error) => respond(app, request, &claim, &Attempt::refused(&texts, error)).await,
            Written::Conflict(_) => {
                let claim = find::<EvidenceClaim>(app, request).await?;
                respond(app, request, &claim, &Attempt::stale(&texts)).await
            }
        }
    })
}
