//! Sign-in by OpenID Connect: the way to the provider, and the way back.

use auth::{IdTokenFault, OpenIdFlow, OpenIdRefusal};
use axum::http::{StatusCode, header};
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::{App, SessionCookie},
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use maud::{Markup, html};
use people::{OpenIdAnswer, OpenIdOutcome};

use super::session::{client, next_page, problem_of, with_session};
use crate::{
    components::gate,
    pages::form_texts::query_value,
    response::{page_response, redirect},
};

/// The path on which a sign-in begins. The provider sends browsers back to the path below it.
const PATH: &str = "/app/sign-in/openid";

/// The maximum length of the address to go to after the sign-in: browsers drop cookies of more than 4 KiB.
pub(crate) const MAX_NEXT: usize = 1500;

/// The name of the cookie that keeps a sign-in while the browser is at the provider. Browsers take that of the encrypted
/// connection from this host only, so that no neighbouring host can slip a sign-in of its own in.
const fn cookie_name(cookie: SessionCookie) -> &'static str {
    match cookie {
        SessionCookie::Secure => "__Host-novantra-openid",
        SessionCookie::Plain => "novantra-openid",
    }
}

/// Adds the cookie that keeps a sign-in; no value ends it. It is sent along when the provider sends the browser back,
/// which is a navigation from another site: so `Lax`, not `Strict`.
fn with_cookie(app: &App, response: ApiResponse, value: Option<&str>) -> ApiResponse {
    let cookie = app.services.settings.session_cookie;
    let age = value.map_or(0, |_| OpenIdFlow::LIFETIME.as_secs());
    let (name, value) = (cookie_name(cookie), value.unwrap_or_default());
    let text = format!("{name}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{}", cookie.suffix());
    response.header(header::SET_COOKIE, text)
}

/// The address on which a sign-in begins that ends on the page `next`.
fn start_url(next: &str) -> String {
    let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
    format!("{PATH}?next={next}")
}

/// The button that leads to the provider.
pub(super) fn button(label: &str, next: &str, is_main: bool) -> Markup {
    let class = if is_main { "btn primary block" } else { "btn block" };
    html! { a class=(class) href=(start_url(next)) { (label) } }
}

/// Sends the browser to the provider.
pub(crate) fn start<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let next = query_value(request, "next");
        let next = next_page(next.as_deref().filter(|next| next.len() <= MAX_NEXT));
        let is_again = query_value(request, "again").is_some();
        match app.services.people.begin_openid(next, is_again).await {
            Ok(begun) => Ok(with_cookie(app, redirect(&begun.url), Some(&begun.cookie))),
            Err(refusal) => Ok(refused(app, refusal)),
        }
    })
}

/// Handles the answer with which the provider sends the browser back.
pub(crate) fn callback<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let [state, code, error, issuer] = ["state", "code", "error", "iss"].map(|name| query_value(request, name));
        let answer = OpenIdAnswer {
            state: state.as_deref().unwrap_or_default(),
            code: code.as_deref(),
            error: error.as_deref(),
            issuer: issuer.as_deref(),
        };
        let cookie = request.cookie(cookie_name(app.services.settings.session_cookie));
        let outcome = app.services.people.complete_openid(answer, cookie, &client(request)).await;
        match outcome.map_err(problem_of)? {
            OpenIdOutcome::Begun(begun, next) => {
                let response = with_session(app, redirect(next_page(Some(&next))), &begun);
                Ok(with_cookie(app, response, None).recorded())
            }
            OpenIdOutcome::Refused(refusal @ OpenIdRefusal::NotSetUp) => Ok(refused(app, refusal)),
            OpenIdOutcome::Refused(refusal) => {
                tracing::info!(request = %client(request).origin.request_id, "a sign-in was refused: {refusal}");
                Ok(with_cookie(app, refused(app, refusal), None).recorded())
            }
        }
    })
}

/// The words of a page about a refusal.
struct Words {
    status: StatusCode,
    title: &'static str,
    cause: &'static str,
    remedy: &'static str,
}

const ASK: &str = "An administrator of the workspace can help you.";
const AGAIN: &str = "Sign in again.";
const OPERATOR: &str = "Ask the people who run this server: their log says more.";

fn words(refusal: OpenIdRefusal) -> Words {
    use OpenIdRefusal as R;
    let say = |status, title, cause, remedy| Words { status, title, cause, remedy };
    let (unauthorized, forbidden) = (StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN);
    match refusal {
        R::NotSetUp => say(
            StatusCode::NOT_FOUND,
            "Single sign-on is not set up",
            "This server has no identity provider.",
            "Sign in with your e-mail address and your password.",
        ),
        R::NoWorkspace => say(
            forbidden,
            "The workspace is not clear",
            "This server has several workspaces and does not say which one its identity provider is for.",
            OPERATOR,
        ),
        R::NotBegun => say(
            StatusCode::BAD_REQUEST,
            "The sign-in is not known",
            "Your browser did not send what it got at the beginning. It may refuse cookies, or the sign-in was finished before.",
            AGAIN,
        ),
        R::TooLate => {
            say(StatusCode::BAD_REQUEST, "The sign-in took too long", "It must be finished within ten minutes.", AGAIN)
        }
        R::OtherState => say(
            StatusCode::BAD_REQUEST,
            "This answer is for another sign-in",
            "You may have begun two at once, in two tabs, or another site has sent you here.",
            AGAIN,
        ),
        R::MalformedAnswer => say(
            StatusCode::BAD_REQUEST,
            "The answer is not right",
            "The identity provider sent an answer that is incomplete, or another provider sent it.",
            AGAIN,
        ),
        R::AccessDenied => say(
            forbidden,
            "You were not let in",
            "The identity provider has refused, or you have cancelled.",
            "If you did not cancel, ask those who run the identity provider for access.",
        ),
        R::ProviderError => say(
            StatusCode::BAD_GATEWAY,
            "The identity provider reports an error",
            "It could not sign you in.",
            OPERATOR,
        ),
        R::ProviderUnavailable => say(
            StatusCode::SERVICE_UNAVAILABLE,
            "The identity provider does not answer",
            "It can't be reached now, or its answer is not understood.",
            "Try again in a few minutes.",
        ),
        R::CodeRefused => say(
            StatusCode::BAD_GATEWAY,
            "The identity provider did not confirm the sign-in",
            "It accepts each answer once and for a short time only, and only from servers that it knows.",
            "Sign in again. If that does not help, ask the people who run this server.",
        ),
        R::IdToken(IdTokenFault::Expired) => say(
            unauthorized,
            "The confirmation has expired",
            "The identity provider's confirmation of who you are is too old.",
            AGAIN,
        ),
        R::IdToken(_) => say(
            unauthorized,
            "The confirmation is not valid",
            "The identity provider's confirmation of who you are did not pass the checks.",
            OPERATOR,
        ),
        R::NotAgain => say(
            unauthorized,
            "You were not asked again",
            "The identity provider must ask you again who you are, and does not say that it did.",
            AGAIN,
        ),
        R::NoSecondFactor => say(
            forbidden,
            "A second factor is needed",
            "The identity provider does not say that you used one.",
            "Set one up at the identity provider, such as a passkey or an app with codes, and sign in again.",
        ),
        R::NoEmail => {
            say(forbidden, "Your e-mail address is missing", "The identity provider does not say what it is.", OPERATOR)
        }
        R::EmailNotVerified => say(
            forbidden,
            "Your e-mail address is not verified",
            "The identity provider does not say that it is yours.",
            "Verify it at the identity provider and sign in again.",
        ),
        R::NoRole => say(
            forbidden,
            "You have no access",
            "You are in none of the groups that may use this workspace.",
            "Ask those who manage the groups of the identity provider.",
        ),
        R::Disabled => say(
            forbidden,
            "Your account is disabled",
            "The identity provider knows you, but this workspace has disabled your account.",
            ASK,
        ),
        R::HasPassword => say(
            forbidden,
            "Sign in with your password",
            "There is an account with your e-mail address that has a password. It is not linked with the identity provider, and is not linked without being asked for.",
            "Sign in with your password, or ask an administrator to have the account linked.",
        ),
        R::OtherIdentity => say(
            forbidden,
            "Your account is linked otherwise",
            "There is an account with your e-mail address that is not linked with this identity.",
            ASK,
        ),
        R::TooManyAttempts { .. } => say(
            StatusCode::TOO_MANY_REQUESTS,
            "Too many attempts",
            "There were too many failed sign-ins from your network.",
            "Wait a minute and try again.",
        ),
    }
}

fn refused(app: &App, refusal: OpenIdRefusal) -> ApiResponse {
    let Words { status, title, cause, remedy } = words(refusal);
    let openid = app.services.people.openid();
    let content = html! {
        div role="alert" { h1 { (title) } p { (cause) " " (remedy) } }
        @if let Some(openid) = openid { (button(&openid.label, "/app", true)) }
        p.small { a href="/app/sign-in" { "Go to the sign-in" } }
    };
    let response = page_response(status, gate(title, true, &content));
    match refusal {
        OpenIdRefusal::TooManyAttempts { retry_after } => {
            response.header(header::RETRY_AFTER, retry_after.as_secs().max(1).to_string())
        }
        _ => response,
    }
}

/// The page for a link that would set a password, where nobody has one.
pub(super) fn instead_of_link(label: &str) -> ApiResponse {
    let title = "You need no password";
    let content = html! {
        div { h1 { (title) } p { "People of this workspace sign in with their identity provider. The link is not needed." } }
        (button(label, "/app", true))
    };
    page_response(StatusCode::OK, gate(title, false, &content))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn every_refusal_has_an_error_status_and_whole_sentences() {
        use OpenIdRefusal as R;
        let all = [
            R::NotSetUp,
            R::NoWorkspace,
            R::NotBegun,
            R::TooLate,
            R::OtherState,
            R::MalformedAnswer,
            R::AccessDenied,
            R::ProviderError,
            R::ProviderUnavailable,
            R::CodeRefused,
            R::IdToken(IdTokenFault::Expired),
            R::IdToken(IdTokenFault::Nonce),
            R::NotAgain,
            R::NoSecondFactor,
            R::NoEmail,
            R::EmailNotVerified,
            R::NoRole,
            R::Disabled,
            R::HasPassword,
            R::OtherIdentity,
            R::TooManyAttempts { retry_after: Duration::from_secs(1) },
        ];
        let mut titles = std::collections::BTreeSet::new();
        for refusal in all {
            let Words { status, title, cause, remedy } = words(refusal);
            assert!(status.is_client_error() || status.is_server_error(), "{refusal}");
            assert!(cause.ends_with('.') && remedy.ends_with('.') && !title.ends_with('.'), "{refusal}");
            assert!(titles.insert(title), "{title} is said twice");
        }
    }
}
