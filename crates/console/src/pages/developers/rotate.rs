//! The form that gives a service account a new secret.

use std::time::Duration;

use auth::{Account, ServiceAccount};
use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    handlers::find,
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use maud::{Markup, html};

use super::{
    CREDENTIALS, Desk,
    account::form_page,
    account_state::older_secret,
    desk::{Faults, problem_at, problem_of, problems},
    new_account::{read, token_minutes},
};
use crate::{
    components::{Choice, Tone, choices, form_token, note, problem_summary, reason, submit_bar},
    pages::{
        confirm_password::proof_first,
        form_texts::{FormTexts, query_value},
        one_time_secret,
    },
    response::page_response,
};

/// The times for which the old secret can go on working, in seconds.
pub(in crate::pages) fn graces() -> [Choice<'static>; 4] {
    [
        Choice::new("60", "60 seconds", "The default. The program reads its secret fresh each time."),
        Choice::new("3600", "1 hour", "You restart the program by hand."),
        Choice::new("86400", "24 hours", "Several programs or a deployment share the secret."),
        Choice::new("0", "Not at all", "The secret has leaked. What still uses it fails at once."),
    ]
}

/// Returns the time for which the old secret goes on working, if it is one of those that are offered.
pub(in crate::pages) fn grace(text: &str) -> Option<Duration> {
    let offered = graces().into_iter().find(|choice| choice.value == text)?;
    offered.value.parse().ok().map(Duration::from_secs)
}

/// Handles the request for the form.
pub(super) fn open<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let desk = Desk::of(app, request)?;
        desk.require_recent()?;
        let account = find::<ServiceAccount>(app, request).await?;
        let grace = query_value(request, "grace").unwrap_or_else(|| "60".to_owned());
        let reason = query_value(request, "reason").unwrap_or_default();
        Ok(page_response(StatusCode::OK, form(&desk, &account, &grace, &reason, &Faults::new())))
    })
}

/// Handles the form.
pub(super) fn submit<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let desk = Desk::of(app, request)?;
        let account = find::<ServiceAccount>(app, request).await?;
        let texts = FormTexts::read(request)?;
        let text = |name: &str| texts.0.get(name).map_or("", |text| text.trim());
        if let Some(asked) = proof_first(app, request, request.parts.uri.path()).await? {
            return Ok(asked);
        }
        let (mut faults, seen) = (Faults::new(), texts.revision()?);
        let grace = grace(text("grace")).ok_or_else(|| "is not one of those that are offered.".to_owned());
        let (grace, reason) = (read(&mut faults, "grace", grace), read(&mut faults, "reason", texts.reason()));
        let (Some(grace), Some(reason)) = (grace, reason) else {
            let page = form(&desk, &account, text("grace"), text("reason"), &faults);
            return Ok(page_response(StatusCode::BAD_REQUEST, page));
        };
        let (author, organization) = (desk.author(&reason)?, desk.organization()?);
        let rotated = desk.integrations.rotate_secret(&author, organization, account.meta.id, Some(seen), grace).await;
        let (_, secret) = rotated.map_err(problem_of)?;
        let path = format!("{CREDENTIALS}/{}/secret", account.meta.id);
        Ok(one_time_secret::show_at(app, request, &path, secret.expose())?.recorded())
    })
}

fn form(desk: &Desk<'_>, account: &Account, chosen: &str, why: &str, faults: &Faults) -> Markup {
    let href = format!("{CREDENTIALS}/{}", account.meta.id);
    let problems = problems(faults, &[("grace", "The time"), ("reason", "Reason")]);
    let title = format!("Rotate the secret of {}", account.record.name);
    let older = older_secret(account, desk.now);
    let content = html! {
        p.soft {
            "You get a new secret at once. Tokens that were already given out stay good until they expire, at most "
            (token_minutes(desk)) " minutes."
        }
        form.form method="post" action={ (href) "/rotate" } novalidate data-guard {
            (form_token(&desk.viewer))
            input type="hidden" name="revision" value=(account.meta.revision.0);
            (problem_summary(&problems))
            @if let Some(end) = older {
                (note(
                    Tone::Warning,
                    "The secret from before the last rotation stops working at once.",
                    &format!(
                        "It would work until {}. Only the present secret goes on working for the time that you choose here.",
                        desk.viewer.zone.minute_text(end),
                    ),
                ))
            }
            (choices("grace", "How long the present secret keeps working", problem_at(&problems, "grace"), &graces(), Some(chosen)))
            (note(
                Tone::Information,
                "Have the tokens leaked, too?",
                "Then disable the account instead: it fails on its very next call, on every server.",
            ))
            (reason(why, problem_at(&problems, "reason")))
            (submit_bar("Rotate and show the new secret", &href))
        }
    };
    form_page(desk, account, &title, !problems.is_empty(), &content)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_offered_times_are_accepted() {
        assert_eq!(grace("3600"), Some(Duration::from_secs(3600)));
        assert_eq!(grace("0"), Some(Duration::ZERO));
        for other in ["", "61", "-1", "1e3"] {
            assert_eq!(grace(other), None, "{other}");
        }
    }
}
