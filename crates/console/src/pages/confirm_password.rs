//! The page that asks for the password again, before a sensitive action. A form that was sent too late is carried through
//! it: its fields are in the page, and the browser sends them again after the password, so that nobody types them twice.

use auth::UserCaller;
use axum::http::{StatusCode, header};
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Issue, Problem},
};
use maud::{Markup, html};
use people::PeopleError;
use secrecy::SecretString;

use super::{
    form_texts::{FormTexts, query_value, with_typed},
    people::{
        openid::MAX_NEXT,
        session::{client, next_page, problem_of},
    },
    viewer,
};
use crate::{
    components::{Field, Head, NONE, Tone, form_token, heading, note, page, problem_summary, user_name},
    response::{page_response, redirect, with_browser_rules},
    viewer::Viewer,
};

/// The field with the address that a carried form is sent to. No form has a field of this name.
const CARRIED_TO: &str = "proofForm";
/// The field with the password, which no form that needs a proof has either.
const PASSWORD: &str = "password";
/// The fields that a carried form does not bring along: the page has its own.
const OWN_FIELDS: [&str; 4] = ["formToken", CARRIED_TO, PASSWORD, "username"];

/// The pages of one's own account.
const ACCOUNT: &str = "/app/account/";

/// Where the browser goes on to after the password.
enum Next<'a> {
    /// A page is opened.
    Page { address: &'a str, is_unsent: bool },
    /// A form is sent again with these fields.
    Form { address: &'a str, fields: Vec<(String, String)> },
}

/// Handles the request for the form. Who has no password proves themselves at the identity provider.
pub(crate) fn open<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let next = query_value(request, "next");
        let address = next_page(next.as_deref());
        let caller = &request.principal()?.user()?.caller;
        if proves_at_provider(app, caller).await? {
            return Ok(redirect(&again_at_provider(address)));
        }
        let next = Next::Page { address, is_unsent: query_value(request, "unsent").is_some() };
        Ok(page_response(StatusCode::OK, form(&viewer(request)?, caller, &next, None)))
    })
}

/// Handles the form.
pub(crate) fn submit<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let texts = FormTexts::read(request)?;
        let text = |name: &str| texts.0.get(name).map(String::as_str);
        let next = match text(CARRIED_TO) {
            Some(address) if next_page(Some(address)) == address => Next::Form { address, fields: fields(request) },
            Some(_) => return Err(Problem::validation(vec![Issue::new([CARRIED_TO], "is no form of this web app")])),
            None => Next::Page { address: next_page(text("next")), is_unsent: text("unsent").is_some() },
        };
        let caller = &request.principal()?.user()?.caller;
        let password = SecretString::from(text(PASSWORD).unwrap_or_default());
        let (status, problem) = match app.services.people.reauthenticate(caller, &password, &client(request)).await {
            Ok(()) => {
                return Ok(match next {
                    Next::Page { address, .. } => redirect(address).recorded(),
                    Next::Form { address, .. } => send_again(address).recorded(),
                });
            }
            Err(PeopleError::WrongPassword) => {
                (StatusCode::UNAUTHORIZED, "The password is wrong. Check it and try again.".to_owned())
            }
            Err(PeopleError::TooManyAttempts { retry_after }) => (
                StatusCode::TOO_MANY_REQUESTS,
                format!("There were too many attempts. Wait {} seconds and try again.", retry_after.as_secs().max(1)),
            ),
            Err(error) => return Err(problem_of(error)),
        };
        Ok(page_response(status, form(&viewer(request)?, caller, &next, Some(&problem))).recorded())
    })
}

/// Returns the response to a form that needs a recent proof of who the person is, if there is none: the page that asks for
/// the password and carries the form. For who has no password, the page leads to the identity provider, through which no
/// form can be carried: what they typed is in the address of the page with the form, to which they come back.
///
/// # Errors
/// If the store fails.
pub(crate) async fn proof_first(
    app: &App,
    request: &ApiRequest,
    page_of_form: &str,
) -> Result<Option<ApiResponse>, Problem> {
    let caller = &request.principal()?.user()?.caller;
    if caller.require_recent(app.services.clock.now()).is_ok() {
        return Ok(None);
    }
    let fields = fields(request);
    if proves_at_provider(app, caller).await? {
        let names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
        // What the forms of one's own factors have is of no use later, and no matter for an address.
        let typed = Some(with_typed(request, page_of_form, &names));
        let typed = typed.filter(|address| address.len() <= MAX_NEXT && !page_of_form.starts_with(ACCOUNT));
        let again = again_at_provider(typed.as_deref().unwrap_or(page_of_form));
        let page = provider_page(&viewer(request)?, &again, typed.is_some());
        return Ok(Some(page_response(StatusCode::UNAUTHORIZED, page)));
    }
    let next = Next::Form { address: request.parts.uri.path(), fields };
    let page = form(&viewer(request)?, caller, &next, None);
    Ok(Some(page_response(StatusCode::UNAUTHORIZED, page)))
}

/// Whether the person has no password here, but signs in at an identity provider.
async fn proves_at_provider(app: &App, caller: &UserCaller) -> Result<bool, Problem> {
    let people = &app.services.people;
    if people.openid().is_none() {
        return Ok(false);
    }
    let security = people.security(caller, caller.user.meta.organization, caller.user.meta.id).await;
    Ok(security.map_err(problem_of)?.password_set_at.is_none())
}

/// The address on which a proof at the identity provider begins.
fn again_at_provider(next: &str) -> String {
    let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
    format!("/app/sign-in/openid?again=yes&next={next}")
}

/// The page that leads to the identity provider. A link does: browsers do not follow a form to another site.
fn provider_page(viewer: &Viewer, again: &str, is_kept: bool) -> Markup {
    let title = "Show again who you are";
    let below = html! { p { "You are asked before sensitive changes, so that nobody makes them at a computer that you left open. Your identity provider asks you, and the answer counts for 15 minutes." } };
    let kept = match is_kept {
        true => "What you typed is kept. Send the form again when you come back.",
        false => "You come back to the form, and fill it in again.",
    };
    let content = html! {
        (heading(title, &below, &NONE))
        (note(Tone::Information, "Nothing was done yet.", kept))
        div.save {
            a.btn.primary href=(again) { "Go to the identity provider" }
            a.btn.quiet href="/app" { "Cancel" }
        }
    };
    page(viewer, &Head { title, is_narrow: true, ..Head::default() }, &content)
}

/// Returns the response that has the browser send the same form again, to this address.
fn send_again(address: &str) -> ApiResponse {
    with_browser_rules(ApiResponse::empty(StatusCode::TEMPORARY_REDIRECT)).header(header::LOCATION, address)
}

/// The fields that a form was filled in with.
fn fields(request: &ApiRequest) -> Vec<(String, String)> {
    let pairs = form_urlencoded::parse(&request.body).into_owned();
    pairs.filter(|(name, _)| !OWN_FIELDS.contains(&name.as_str())).collect()
}

fn form(viewer: &Viewer, caller: &UserCaller, next: &Next<'_>, problem: Option<&str>) -> Markup {
    let problems: Vec<_> = problem.into_iter().map(|problem| (PASSWORD.to_owned(), problem.to_owned())).collect();
    let title = "Enter your password again";
    let below = html! { p { "You are asked before sensitive changes, so that nobody makes them at a computer that you left open. The answer counts for 15 minutes." } };
    let is_carried = matches!(next, Next::Form { .. });
    let content = html! {
        (heading(title, &below, &NONE))
        @match next {
            Next::Form { .. } => { (note(Tone::Information, "Nothing was done yet.", "The last time that you entered your password is too long ago. What you typed is kept, and is sent with the password.")) }
            Next::Page { is_unsent: true, .. } => { (note(Tone::Warning, "Nothing was done yet.", "Your form was not accepted, because the last time that you entered your password is too long ago. Enter it here, then send the form again.")) }
            Next::Page { .. } => {}
        }
        form.form method="post" action="/app/confirm-password" novalidate {
            (form_token(viewer))
            (problem_summary(&problems))
            @match next {
                Next::Page { address, is_unsent } => {
                    input type="hidden" name="next" value=(address);
                    @if *is_unsent { input type="hidden" name="unsent" value="yes"; }
                }
                Next::Form { address, fields } => {
                    input type="hidden" name=(CARRIED_TO) value=(address);
                    @for (name, value) in fields { input type="hidden" name=(name) value=(value); }
                }
            }
            (user_name(caller.user.record.email.as_str()))
            section {
                (Field { name: PASSWORD, label: "Password", error: problem, ..Field::default() }.filled("password", "current-password", ""))
            }
            div.save {
                button.btn.primary { @if is_carried { "Continue and send the form" } @else { "Continue" } }
                a.btn.quiet href="/app" { "Cancel" }
            }
        }
    };
    page(viewer, &Head { title, has_problem: problem.is_some(), is_narrow: true, ..Head::default() }, &content)
}
