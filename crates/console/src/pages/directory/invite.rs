//! The invitation of a person.

use std::collections::BTreeMap;

use auth::{Role, StoredUser, User, UserStatus, parse_user_email};
use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::{Reader, TitleRule};
use maud::{Markup, html};
use people::{Author, PeopleError};

use super::{SECTION, link, role::role_choices};
use crate::{
    components::{Field, Head, NONE, form_token, heading, page, problem_summary, reason},
    pages::{
        confirm_password::proof_first,
        form_texts::{FormTexts, query_texts},
        people::session::problem_of,
        viewer,
    },
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
        Ok(page_response(StatusCode::OK, form(&viewer(request)?, &query_texts(request), &Faults::new(), None)))
    })
}

/// Handles the form.
pub(super) fn submit<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let texts = FormTexts::read(request)?;
        if let Some(asked) = proof_first(app, request, request.parts.uri.path()).await? {
            return Ok(asked);
        }
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
            return Ok(page_response(StatusCode::BAD_REQUEST, form(&viewer, &texts.0, &faults, None)));
        };
        let principal = request.principal()?;
        let author = Author::user(&principal.user()?.caller, request.origin(), Some(reason));
        let created =
            app.services.people.create_user(&author, principal.organization_ref(), (name.clone(), email.clone(), role));
        match created.await {
            Ok((user, issued)) => link::response(app, request, &user, &issued),
            Err(PeopleError::EmailTaken) => {
                let organization = principal.organization();
                let found = Reader::<User>::get_by_keys(&*app.services.store, organization, &[email.as_str()]).await?;
                let faults =
                    vec![("email".to_owned(), format!("{email} belongs to somebody in this workspace already."))];
                Ok(page_response(StatusCode::CONFLICT, form(&viewer, &texts.0, &faults, found.first())))
            }
            Err(error) => Err(problem_of(error)),
        }
    })
}

/// The form. `taken_by` is the person who has the e-mail address already.
fn form(viewer: &Viewer, typed: &BTreeMap<String, String>, faults: &Faults, taken_by: Option<&StoredUser>) -> Markup {
    let text = |name: &str| typed.get(name).map_or("", String::as_str);
    let fault = |field: &str| faults.iter().find(|(name, _)| name == field).map(|(_, message)| message.as_str());
    let title = "Invite somebody";
    let below = html! { p { "They get a link from you, choose a password with it, and then belong to " (viewer.workspace) "." } };
    let content = html! {
        (heading(title, &below, &NONE))
        form.form method="post" action="/app/people/invite" novalidate data-guard {
            (form_token(viewer))
            (problem_summary(faults))
            @if let Some(user) = taken_by {
                @let person = format!("{SECTION}/{}", user.meta.id);
                p {
                    "It is that of " a href=(person) { (user.record.name) } ". "
                    @if user.record.status == UserStatus::Invited {
                        "They were invited: " a href={ (person) "/invitation" } { "make another link for them" } " if the first one was not sent."
                    }
                }
            }
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
