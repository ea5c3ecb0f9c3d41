//! The first step of a sign-in: the e-mail address and the password.

use axum::http::{StatusCode, header};
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use maud::{Markup, html};
use people::{CeremonyOptions, SignIn, SignInOutcome, SignInRefusal};
use secrecy::SecretString;

use super::{
    openid,
    passkey::{browser_key, relying_party, with_browser_key},
    session::{client, next_page, page_after, problem_of, with_session},
};
use crate::{
    components::{Ceremony, Field, Tone, gate, note, passkey_form, problem_summary},
    pages::form_texts::public_form,
    response::{page_response, redirect},
};

/// The content of the form.
#[derive(Default)]
struct Form<'f> {
    workspace: &'f str,
    asks_for_workspace: bool,
    email: &'f str,
    next: &'f str,
    problem: Option<&'f str>,
    /// The label of the button that leads to the identity provider.
    provider: Option<&'f str>,
    /// Whether everybody signs in by the provider.
    has_no_passwords: bool,
    passkeys: Option<CeremonyOptions>,
    /// Whether a session has ended, and how: `unsent` if a form was lost with it.
    ended: Option<&'f str>,
}

/// Handles the request for the form.
pub(crate) fn open<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let pairs: Vec<(String, String)> = form_urlencoded::parse(request.query().as_bytes()).into_owned().collect();
        let value = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let only = only_workspace(app).await?;
        let key = browser_key(app, request);
        let form = Form {
            workspace: only.as_deref().or_else(|| value("workspace")).unwrap_or_default(),
            asks_for_workspace: only.is_none(),
            next: next_page(value("next")),
            passkeys: passkeys(app, request, &key),
            ended: value("ended"),
            ..provider_form(app, only.is_some())
        };
        Ok(with_browser_key(app, page_response(StatusCode::OK, page(&form)), &key))
    })
}

/// Handles the form.
pub(crate) fn submit<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let texts = public_form(request)?;
        let text = |name: &str| texts.get(name).map_or("", String::as_str);
        let only = only_workspace(app).await?;
        let password = SecretString::from(text("password").to_owned());
        let workspace = only.as_deref().unwrap_or_else(|| text("workspace").trim());
        let next = next_page(texts.get("next").map(String::as_str));
        let sign_in = SignIn { workspace, email: text("email"), password: &password };
        match app.services.people.sign_in(&sign_in, &client(request)).await.map_err(problem_of)? {
            SignInOutcome::Begun(begun) => {
                let to = page_after(begun.session.session.level, next);
                Ok(with_session(app, redirect(&to), &begun).recorded())
            }
            SignInOutcome::Refused(refusal) => {
                let key = browser_key(app, request);
                let problem = match refusal.retry_after {
                    Some(wait) => {
                        format!("There were too many attempts. Wait {} seconds and try again.", wait.as_secs().max(1))
                    }
                    None => "The e-mail address and the password do not belong together. Check both.".to_owned(),
                };
                let form = Form {
                    workspace,
                    asks_for_workspace: only.is_none(),
                    email: text("email"),
                    next,
                    problem: Some(&problem),
                    passkeys: passkeys(app, request, &key),
                    ..provider_form(app, only.is_some())
                };
                Ok(with_browser_key(app, refused(&refusal, page(&form)), &key))
            }
        }
    })
}

/// Returns the page for a refused attempt, which was recorded when it was refused.
pub(super) fn refused(refusal: &SignInRefusal, page: Markup) -> ApiResponse {
    match refusal.retry_after {
        Some(wait) => page_response(StatusCode::TOO_MANY_REQUESTS, page)
            .header(header::RETRY_AFTER, wait.as_secs().max(1).to_string())
            .recorded(),
        None => page_response(StatusCode::UNAUTHORIZED, page).recorded(),
    }
}

/// The part of the form about the identity provider.
fn provider_form(app: &App, has_only_workspace: bool) -> Form<'_> {
    let openid = app.services.people.openid();
    Form {
        provider: openid.map(|openid| openid.label.as_str()),
        has_no_passwords: has_only_workspace && openid.is_some_and(|openid| !openid.allows_passwords),
        ..Form::default()
    }
}

/// The options for the browser with this key; nothing where browsers offer no passkeys.
fn passkeys(app: &App, request: &ApiRequest, key: &str) -> Option<CeremonyOptions> {
    relying_party(app, request).map(|party| app.services.people.passkey_sign_in(&party, key))
}

/// The page after a passkey was refused.
pub(super) async fn page_after_passkey(
    app: &App,
    request: &ApiRequest,
    key: &str,
    next: &str,
    problem: &str,
) -> Result<Markup, Problem> {
    let only = only_workspace(app).await?;
    let form = Form {
        workspace: only.as_deref().unwrap_or_default(),
        asks_for_workspace: only.is_none(),
        next,
        passkeys: passkeys(app, request, key),
        ..provider_form(app, only.is_some())
    };
    Ok(page_with(&form, &[("passkey".to_owned(), problem.to_owned())]))
}

/// The slug of the workspace, if the installation has only one.
async fn only_workspace(app: &App) -> Result<Option<String>, Problem> {
    let organizations = app.services.store.organizations().await?;
    Ok(match organizations.as_slice() {
        [only] => Some(only.record.slug.to_string()),
        _ => None,
    })
}

fn page(form: &Form<'_>) -> Markup {
    let problems: Vec<(String, String)> =
        form.problem.into_iter().map(|problem| ("email".to_owned(), problem.to_owned())).collect();
    page_with(form, &problems)
}

fn page_with(form: &Form<'_>, problems: &[(String, String)]) -> Markup {
    let content = html! {
        (problem_summary(problems))
        div { h1 { "Sign in" } }
        @if let Some(ended) = form.ended {
            (note(
                Tone::Information,
                "Your session has ended.",
                if ended == "unsent" {
                    "It was too old, or was ended elsewhere: by you in another browser, or by an administrator. What you have just sent was not stored. After the sign-in you can enter it again."
                } else {
                    "It was too old, or was ended elsewhere: by you in another browser, or by an administrator. After the sign-in you come back to the page."
                },
            ))
        }
        @if let Some(label) = form.provider { (openid::button(label, form.next, true)) }
        @if !form.has_no_passwords { (password_form(form)) }
    };
    gate("Sign in", !problems.is_empty(), &content)
}

fn password_form(form: &Form<'_>) -> Markup {
    let autocomplete = if form.passkeys.is_some() { "username webauthn" } else { "username" };
    let class = if form.provider.is_some() { "btn block" } else { "btn primary block" };
    html! {
        @if form.provider.is_some() { p.or { "or with a password" } }
        form.form method="post" action="/app/sign-in" novalidate {
            input type="hidden" name="next" value=(form.next);
            @if form.asks_for_workspace {
                (Field { name: "workspace", label: "Workspace", hint: "Its short name, such as cedar-valley.", ..Field::default() }
                    .filled("text", "organization", form.workspace))
            }
            (Field { name: "email", label: "E-mail", error: form.problem, ..Field::default() }.filled("email", autocomplete, form.email))
            (Field { name: "password", label: "Password", ..Field::default() }.filled("password", "current-password", ""))
            button class=(class) { "Continue" }
        }
        @if let Some(options) = &form.passkeys {
            div #passkey tabindex="-1" {
                @let fields = html! { div.or { "or" } input type="hidden" name="next" value=(form.next); };
                @let button = html! { button.btn.block { "Use a passkey" } };
                (passkey_form(Ceremony::GetOrFill, "/app/sign-in/passkey", options, &fields, &button))
            }
        }
        p.small.soft { "Forgotten it? An administrator can send you a new link. Programs do not sign in here: they use service accounts." }
    }
}
