//! The parts that pages with passkeys have in common.

use axum::http::header;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::FieldError;
use maud::{Markup, html};
use people::{CeremonyOptions, PasskeyFault, RelyingParty};

use crate::components::{Ceremony, Field, passkey_form};

/// The cookie by which a browser is recognized that was asked for a passkey.
const BROWSER_COOKIE: &str = "novantra-passkey";
/// The length of its value, random bytes in hexadecimal.
const BROWSER_KEY_LENGTH: usize = 32;

/// Returns the relying party of passkeys; `None` if browsers offer none at this address.
pub(crate) fn relying_party(app: &App, request: &ApiRequest) -> Option<RelyingParty> {
    RelyingParty::of_request(&app.services.settings.public_url, request.host())
}

/// Returns the relying party for a form, which no page offers without one.
pub(crate) fn required_party(app: &App, request: &ApiRequest) -> Result<RelyingParty, Problem> {
    relying_party(app, request).ok_or_else(Problem::not_found)
}

/// Returns the key of the browser that its cookie has.
pub(super) fn sent_browser_key(request: &ApiRequest) -> Option<&str> {
    let is_key = |key: &&str| key.len() == BROWSER_KEY_LENGTH && key.bytes().all(|byte| byte.is_ascii_hexdigit());
    request.cookie(BROWSER_COOKIE).filter(is_key)
}

/// Returns the key of the browser: the one that it has, so that all of its tabs work, or a new one.
pub(super) fn browser_key(app: &App, request: &ApiRequest) -> String {
    sent_browser_key(request).map_or_else(
        || {
            let mut bytes = [0; BROWSER_KEY_LENGTH / 2];
            app.services.entropy.fill(&mut bytes);
            bytes.iter().map(|byte| format!("{byte:02x}")).collect()
        },
        str::to_owned,
    )
}

/// Adds the cookie with the key of the browser, which lasts until the browser is closed.
pub(super) fn with_browser_key(app: &App, response: ApiResponse, key: &str) -> ApiResponse {
    let suffix = app.services.settings.session_cookie.suffix();
    response.header(
        header::SET_COOKIE,
        format!("{BROWSER_COOKIE}={key}; Path=/app/sign-in; HttpOnly; SameSite=Lax{suffix}"),
    )
}

/// The words for a refused passkey.
pub(super) fn words(fault: PasskeyFault) -> String {
    match fault {
        PasskeyFault::Expired => {
            "The page was open for more than five minutes, or was used before. Use the passkey again."
        }
        PasskeyFault::Unverified => {
            "This passkey did not ask who you are, so it counts only after your password. Sign in with the password first."
        }
        PasskeyFault::Copied => {
            "There may be a copy of this passkey, so it was refused. Sign in another way, remove it, and tell an \
             administrator."
        }
        PasskeyFault::Unknown => "This passkey does not sign in here. Choose another one, or another way to sign in.",
        PasskeyFault::TooMany(wait) => {
            let seconds = wait.as_secs().max(1);
            return format!("There were too many attempts. Wait {seconds} seconds and try again.");
        }
    }
    .to_owned()
}

/// The words for what is wrong with the form that adds a passkey, by the names of its fields.
pub(crate) fn problems(faults: &[FieldError]) -> Vec<(String, String)> {
    let of = |fault: &FieldError| match fault.field {
        "name" => ("name".to_owned(), format!("The name {}.", fault.message)),
        field => (field.to_owned(), format!("The passkey {}.", fault.message)),
    };
    faults.iter().map(of).collect()
}

/// The form in which a browser makes a passkey.
pub(crate) fn creation(
    action: &str,
    options: &CeremonyOptions,
    hidden: &Markup,
    name: &str,
    problems: &[(String, String)],
) -> Markup {
    let fault = problems.iter().find(|(field, _)| field == "name").map(|(_, message)| message.as_str());
    let fields = html! {
        (hidden)
        section #passkey {
            (Field { name: "name", label: "Name", hint: "So that you tell it from others: MacBook, blue security key.", error: fault, ..Field::default() }
                .input("text", "short", name))
        }
    };
    let button = html! { div.save { button.btn.primary { "Add the passkey" } } };
    passkey_form(Ceremony::Create, action, options, &fields, &button)
}
