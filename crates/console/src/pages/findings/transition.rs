//! The form that moves a finding.

use findings::{Finding, FindingPatch, update};
use futures_util::future::BoxFuture;
use http_api::{
    handlers::find,
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};

use super::{finding::respond, life::status_named};
use crate::{
    pages::{
        attempt::Attempt,
        commit::{Written, commit},
        form_texts::FormTexts,
    },
    registers::TypedFaults,
    response::redirect,
    services::ConsoleServices,
};

/// Handles the form that moves a finding.
pub(super) fn submit<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let current = find::<Finding>(app, request).await?;
        let texts = FormTexts::read(request)?;
        let opened = texts.revision()?;
        if opened != current.meta.revision {
            return respond(app, request, &current, &Attempt::stale(&texts)).await;
        }
        let status = texts.0.get("status").and_then(|name| status_named(name));
        let (status, reason) = match (status, texts.reason()) {
            (Some(status), Ok(reason)) => (status, reason),
            (status, reason) => {
                let mut faults = TypedFaults::default();
                if status.is_none() {
                    faults.0.insert("status".to_owned(), "is missing: choose one".to_owned());
                }
                if let Err(message) = reason {
                    faults.0.insert("reason".to_owned(), message);
                }
                return respond(app, request, &current, &Attempt::faulty(&texts, faults)).await;
            }
        };
        let services = ConsoleServices::of(request)?;
        let patch = FindingPatch { status: Some(status), ..FindingPatch::default() };
        let written = commit(app, request, Some(&reason), |context, timestamp| {
            update(context, &*services.events, timestamp, &current, &patch)
        });
        match written.await? {
            Written::Done(_) => Ok(redirect(&format!("/app/findings/{}?done=moved", current.meta.id)).recorded()),
            Written::Refused(error) => respond(app, request, &current, &Attempt::refused(&texts, error)).await,
            Written::Conflict(_) => {
                let current = find::<Finding>(app, request).await?;
                respond(app, request, &current, &Attempt::stale(&texts)).await
            }
        }
    })
}
