//! Responses with pages: their headers, redirects, and errors that people can read.

use std::borrow::Cow;

use auth::Permission;
use axum::http::{HeaderName, StatusCode, header};
use bytes::Bytes;
use http_api::{
    pipeline::{FailedRequest, SessionCookie},
    response::{ApiResponse, Issue, Problem},
};
use maud::{Markup, html};

use crate::{
    components::{Head, Icon, copyable, gate, page},
    navigation::has_page,
    registers::parameter_label,
    viewer::Viewer,
};

/// The rules for browsers: nothing but the program's own stylesheet and script, nothing inline, no frame around a page.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

/// Returns the response with a page.
pub(crate) fn page_response(status: StatusCode, page: Markup) -> ApiResponse {
    with_browser_rules(ApiResponse::document(status, "text/html; charset=utf-8", Bytes::from(page.into_string())))
}

/// Returns the response that sends the browser on to another page of the web app with a GET request.
pub(crate) fn redirect(to: &str) -> ApiResponse {
    with_browser_rules(ApiResponse::empty(StatusCode::SEE_OTHER)).header(header::LOCATION, to)
}

/// Returns the response with a file to be saved under this name, which no cache keeps.
pub(crate) fn download(response: ApiResponse, file_name: &str) -> ApiResponse {
    with_browser_rules(response)
        .header(header::CACHE_CONTROL, "no-store")
        .header(header::CONTENT_DISPOSITION, format!("attachment; filename=\"{file_name}\""))
}

/// Adds the rules for browsers to the response.
pub(crate) fn with_browser_rules(response: ApiResponse) -> ApiResponse {
    response
        .header(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY)
        .header(header::X_FRAME_OPTIONS, "DENY")
        .header(header::REFERRER_POLICY, "same-origin")
        .header(PERMISSIONS_POLICY, "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
        .header(OPENER_POLICY, "same-origin")
        .header(RESOURCE_POLICY, "same-origin")
}

/// The parameter by which the page that asks for the password says that a form was not accepted yet.
const UNSENT: &str = "&unsent=yes";

/// Returns the page for an error. Who has not signed in is sent to the sign-in, and who must prove again who they are to
/// the page for that; from there they come back.
pub(crate) fn error_response(problem: Problem, request: &FailedRequest<'_>) -> ApiResponse {
    let back = |page: &str| {
        // Most forms are sent to the address of the page that they are on.
        let comes_back = request.is_read || problem.code() == "password_required" || has_page(request.target);
        let next = if comes_back { request.target } else { "/app" };
        let next: String = form_urlencoded::byte_serialize(next.as_bytes()).collect();
        let unsent = if request.is_read || problem.code() != "password_required" { "" } else { UNSENT };
        let ended = if problem.code() == "signed_out" { ended(request) } else { "" };
        redirect(&format!("{page}?next={next}{unsent}{ended}"))
    };
    match problem.code() {
        "signed_out" => return back("/app/sign-in"),
        "password_required" => return back("/app/confirm-password"),
        _ => {}
    }
    let status = problem.status;
    let title = title(status);
    let page = match request.user() {
        Some(user) => {
            let viewer = Viewer::of(user, |name| request.cookie(name));
            let head = Head { title, is_narrow: true, ..Head::default() };
            page(
                &viewer,
                &head,
                &html! { section.card aria-label="What happened" { (content(&problem, title, request)) } },
            )
        }
        None => gate(title, false, &content(&problem, title, request)),
    };
    page_response(status, page)
}

/// The parameter by which the sign-in says that a session has ended, and whether a form was lost with it. A browser that never
/// had one has nothing to learn.
fn ended(request: &FailedRequest<'_>) -> &'static str {
    let has_cookie = [SessionCookie::Secure, SessionCookie::Plain]
        .into_iter()
        .any(|cookie| request.cookie(cookie.name()).is_some_and(|token| !token.is_empty()));
    match (has_cookie, request.is_read) {
        (false, _) => "",
        (true, true) => "&ended=yes",
        (true, false) => "&ended=unsent",
    }
}

/// The content of the page: what happened, what can be done, and the identifier of the request.
fn content(problem: &Problem, title: &str, request: &FailedRequest<'_>) -> Markup {
    let status = problem.status;
    let may_try_again = request.is_read && is_passing(status);
    let lost = match (request.is_read, status.is_server_error()) {
        (true, _) => "",
        (false, false) => " Nothing was changed.",
        (false, true) => " Look whether it was done before you try it again.",
    };
    html! {
        div.body {
            div.stack {
                div { span.b.bad[status.is_server_error()].warn[!status.is_server_error()] { (status.as_u16()) } }
                h1 { (title) }
                @if problem.issues().is_empty() { p.soft {
                    @match status {
                        StatusCode::NOT_FOUND => { "This address leads to nothing that you can see." }
                        StatusCode::METHOD_NOT_ALLOWED => { "This address only takes a form that was filled in, and shows no page." }
                        _ => { (sentence(problem.message())) }
                    }
                    (lost)
                } } @else {
                    p.soft { @if problem.issues().len() == 1 { "One value is wrong." } @else { "Some values are wrong." } (lost) }
                    ul.stack.small { @for issue in problem.issues() { li { (issue_sentence(issue)) } } }
                }
                h2 { "What you can do" }
                ul.stack.small {
                    @for (icon, advice) in advice(status) { li.row.line { (icon) span { (advice) } } }
                    @if may_see_people(status, request) { li.row.line { (Icon::People) a href="/app/people?role=admin&status=active" { "See who the administrators are" } } }
                }
                div.actions {
                    @if may_try_again { a.btn.primary href=(request.target) { (Icon::Replay) "Try again" } }
                    a.btn.quiet[may_try_again].primary[!may_try_again] href="/app" { "Go to the overview" }
                }
            }
        }
        footer { span { "Request " (copyable("request-id", request.request_id, "request id")) } }
    }
}

/// Whether the person was refused for their role, and may see who can give them another one. The page itself reads no
/// record, so that it stands when the store fails.
fn may_see_people(status: StatusCode, request: &FailedRequest<'_>) -> bool {
    let may_see = request.user().is_some_and(|user| user.caller.user.record.role.permits(Permission::ReadPeople));
    status == StatusCode::FORBIDDEN && may_see
}

/// Whether the same request may succeed later.
fn is_passing(status: StatusCode) -> bool {
    status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS
}

fn advice(status: StatusCode) -> Vec<(Icon, &'static str)> {
    let mut advice = match status {
        StatusCode::NOT_FOUND => vec![
            (Icon::Search, "Look for the record by its key, in the box at the top of each page."),
            (Icon::Information, "The address may have been cut off, or the record may be in another workspace."),
        ],
        StatusCode::FORBIDDEN => {
            vec![(Icon::People, "Ask an administrator of the workspace, who can give you another role.")]
        }
        StatusCode::TOO_MANY_REQUESTS => vec![(Icon::Replay, "Wait a minute, then try again.")],
        status if status.is_server_error() => vec![
            (Icon::Replay, "Try again in about 10 seconds."),
            (Icon::Settings, "Whoever runs the server: novantra check says in words what is wrong."),
        ],
        StatusCode::METHOD_NOT_ALLOWED => {
            vec![(Icon::ChevronLeft, "Go back to the page with the form, and send it again.")]
        }
        _ => vec![(Icon::ChevronLeft, "Go back, and check what you typed.")],
    };
    advice.push((Icon::Comment, "If that does not help, give your administrator the request id below."));
    advice
}

fn title(status: StatusCode) -> &'static str {
    match status {
        StatusCode::NOT_FOUND => "There is no such page here",
        StatusCode::FORBIDDEN => "You may not do this",
        StatusCode::BAD_REQUEST => "The address or the form is not right",
        StatusCode::METHOD_NOT_ALLOWED => "There is only a form behind this address",
        StatusCode::PAYLOAD_TOO_LARGE => "This is too large",
        StatusCode::TOO_MANY_REQUESTS => "Too many requests",
        StatusCode::SERVICE_UNAVAILABLE => "The server can't answer now",
        status if status.is_server_error() => "Something went wrong here",
        _ => "This did not work",
    }
}

/// The issue in the words of the pages: the label of the field or the filter, and what is wrong with it.
fn issue_sentence(issue: &Issue) -> String {
    let names: Vec<&str> = issue.path.iter().map(String::as_str).collect();
    let message = sentence(&issue.message);
    match names.as_slice() {
        [] | ["query"] => message.into_owned(),
        ["query" | "header", name] | [name] => format!("{}: {}", parameter_label(name), issue_end(&issue.message)),
        [first, rest @ ..] => format!("{} {}: {}", parameter_label(first), rest.join(" "), issue_end(&issue.message)),
    }
}

/// The message with a full stop.
fn issue_end(message: &str) -> String {
    if message.ends_with(['.', '!', '?']) { message.to_owned() } else { format!("{message}.") }
}

/// The message as a sentence: with a capital letter and a full stop.
fn sentence(message: &str) -> Cow<'_, str> {
    let mut text = message.to_owned();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    if !text.ends_with(['.', '!', '?']) {
        text.push('.');
    }
    Cow::Owned(text)
}
