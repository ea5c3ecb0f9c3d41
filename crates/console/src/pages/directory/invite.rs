//! The invitation of a person.

use std::collections::BTreeMap;

use auth::{Role, parse_user_email};
use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::TitleRule;
use maud::{Markup, html};
use people::{Author, PeopleError};

use super::{SECTION, link, role::role_choices};
use crate::{
    components::{Field, Head, NONE, form_token, heading, page, problem_summary, reason},
    pages::{form_texts::FormTexts, people::session::problem_of, viewer},
    response::page_response,
    text_fault::parse_text,
    viewer::Viewer,
};

/// The fault of a text that is no e-mail address.
const EMAIL_FAULT: &str = "This is not an e-mail address. Write one such as lin@example.org.";

/// The fault of a name that is missing or that no person may have.
fn name_fault(text: &str, error: impl std::fmt::Display) -> String {
    if text.is_empty() { "Write a name.".to_owned() } else { format!("The name {error}.") }
}

/// The faults of the form, by field.
type Faults = Vec<(String, String)>;

/// Handles the request for the form.
pub(super) fn open<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let caller = &request.principal()?.user()?.caller;
        caller.require_recent(app.services.clock.now()).map_err(Problem::denied)?;
        Ok(page_response(StatusCode::OK, form(&viewer(request)?, &BTreeMap::new(), &Faults::new())))
    })
}

/// Handles the form.
pub(super) fn submit<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let texts = FormTexts::read(request)?;
        let text = |name: &str| texts.0.get(name).map_or("", |text| text.trim());
        let (name, email, role) =
            (parse_text::<TitleRule>(text("name")), parse_user_email(text("email")), Role::from_name(text("role")));
        let reason = texts.reason();
        let viewer = viewer(request)?;
        let (Ok(name), Ok(email), Some(role), Ok(reason)) = (&name, &email, role, &reason) else {
            let faults = [
                name.err().map(|error| ("name", name_fault(text("name"), error))),
                email.err().map(|_| ("email", EMAIL_FAULT.to_owned())),
                role.is_none().then(|| ("role", "Choose a role.".to_owned())),
                reason.err().map(|error| ("reason", format!("The reason {error}"))),
            ];
            let faults: Faults =
                faults.into_iter().flatten().map(|(field, message)| (field.to_owned(), message)).collect();
            return Ok(page_response(StatusCode::BAD_REQUEST, form(&viewer, &texts.0, &faults)));
        };
        let principal = request.principal()?;
        let author = Author::user(&principal.user()?.caller, request.origin(), Some(reason));
        let created =
            app.services.people.create_user(&author, principal.organization_ref(), (name.clone(), email.clone(), role));
        match created.await {
            Ok((user, issued)) => Ok(link::response(app, &viewer, &user, &issued)),
            Err(PeopleError::EmailTaken) => {
                let message =
                    format!("{email} belongs to somebody in this workspace already. Look for them in the list.");
                let faults = vec![("email".to_owned(), message)];
                Ok(page_response(StatusCode::CONFLICT, form(&viewer, &texts.0, &faults)))
            }
            Err(error) => Err(problem_of(error)),
        }
    })
}

fn form(viewer: &Viewer, typed: &BTreeMap<String, String>, faults: &Faults) -> Markup {
    let text = |name: &str| typed.get(name).map_or("", String::as_str);
    let fault = |field: &str| faults.iter().find(|(name, _)| name == field).map(|(_, message)| message.as_str());
    let title = "Invite somebody";
    let below = html! { p { "They get a link from you, choose a password with it, and are then a person of " (viewer.workspace) "." } };
    let content = html! {
        (heading(title, &below, &NONE))
        form.form method="post" action="/app/people/invite" novalidate data-guard {
            (form_token(viewer))
            (problem_summary(faults))
            section {
                div.pair {
                    (Field { name: "name", label: "Name", error: fault("name"), ..Field::default() }.input("text", "", text("name")))
                    (Field { name: "email", label: "E-mail", hint: "They sign in with it. Novantra sends nothing to it.", error: fault("email"), ..Field::default() }.input("email", "", text("email")))
                }
                (role_choices(typed.get("role").and_then(|role| Role::from_name(role)), fault("role")))
            }
            section { (reason(text("reason"), fault("reason"))) }
            div.save {
                button.btn.primary { "Invite them and show the link" }
                a.btn.quiet href=(SECTION) { "Cancel" }
            }
        }
    };
    let head = Head {
        title,
        section: SECTION,
        above: &[("People", SECTION)],
        has_problem: !faults.is_empty(),
        is_narrow: true,
    };
    page(viewer, &head, &content)
}
