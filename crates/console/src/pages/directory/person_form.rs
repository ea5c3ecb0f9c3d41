//! The forms that change something about a person: what it does, the reason, and the button.

use std::collections::BTreeMap;

use auth::{IssuedLink, StoredUser, User};
use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    handlers::find,
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::OrganizationRef;
use maud::{Markup, html};
use people::{Author, People, PeopleError, UserSecurity};

use super::{SECTION, link};
use crate::{
    components::{Head, NONE, form_token, heading, page, problem_summary, reason},
    pages::{
        confirm_password::proof_first,
        form_texts::{FormTexts, query_texts},
        people::session::problem_of,
        viewer,
    },
    response::{page_response, redirect},
    viewer::Viewer,
};

/// A form that changes something about a person. The password is asked for again before it.
pub(super) trait PersonForm: Send + Sync + 'static {
    /// The end of its address.
    const PATH: &'static str;
    /// The words on its button.
    const BUTTON: &'static str;
    /// Whether it takes something away.
    const IS_DANGEROUS: bool = false;
    /// Whether nobody may do it to themselves.
    const IS_FOR_OTHERS: bool = false;

    /// The title of the page.
    fn title(user: &User) -> String;

    /// The consequences of the change.
    fn explanation(user: &User) -> String;

    /// The fields beside the reason.
    fn fields(_: &Viewer, _: &StoredUser, _: &UserSecurity, _: &BTreeMap<String, String>, _: Option<&str>) -> Markup {
        NONE
    }

    /// Carries the change out.
    fn carry_out<'a>(change: Change<'a>) -> BoxFuture<'a, Result<Outcome, PeopleError>>;
}

/// A change that was asked for.
pub(super) struct Change<'a> {
    pub(super) people: &'a People,
    pub(super) author: &'a Author<'a>,
    pub(super) organization: &'a OrganizationRef,
    pub(super) user: &'a StoredUser,
    pub(super) texts: &'a BTreeMap<String, String>,
}

/// The outcome of a change.
pub(super) enum Outcome {
    /// It was stored. The word tells the page of the person what to say.
    Done(&'static str),
    /// A link was issued.
    Link(Box<IssuedLink>),
    /// A field is wrong.
    Fault(&'static str, String),
}

/// Handles the request for the form.
pub(super) fn open<'a, F: PersonForm>(
    app: &'a App,
    request: &'a ApiRequest,
) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let user = find::<User>(app, request).await?;
        let caller = &request.principal()?.user()?.caller;
        if F::IS_FOR_OTHERS && caller.user.meta.id == user.meta.id {
            return Err(Problem::conflict(
                "this was not done: nobody changes their own role or status. Another administrator can",
            ));
        }
        caller.require_recent(app.services.clock.now()).map_err(Problem::denied)?;
        respond::<F>(app, request, StatusCode::OK, &user, &query_texts(request), &[]).await
    })
}

/// Handles the form.
pub(super) fn submit<'a, F: PersonForm>(
    app: &'a App,
    request: &'a ApiRequest,
) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let FormTexts(texts) = FormTexts::read(request)?;
        if let Some(asked) = proof_first(app, request, request.parts.uri.path()).await? {
            return Ok(asked);
        }
        let user = find::<User>(app, request).await?;
        let reason = match (FormTexts(texts.clone())).reason() {
            Ok(reason) => reason,
            Err(message) => {
                let faults = [("reason".to_owned(), format!("The reason {message}"))];
                return respond::<F>(app, request, StatusCode::BAD_REQUEST, &user, &texts, &faults).await;
            }
        };
        let principal = request.principal()?;
        let author = Author::user(&principal.user()?.caller, request.origin(), Some(&reason));
        let people = &app.services.people;
        let organization = principal.organization_ref();
        let change = Change { people, author: &author, organization, user: &user, texts: &texts };
        let (status, field, message) = match F::carry_out(change).await {
            Ok(Outcome::Done(done)) => {
                return Ok(redirect(&format!("{SECTION}/{}?done={done}", user.meta.id)).recorded());
            }
            Ok(Outcome::Link(issued)) => return link::response(app, request, &user, &issued),
            Ok(Outcome::Fault(field, message)) => (StatusCode::BAD_REQUEST, field, message),
            Err(error @ (PeopleError::OwnAccount | PeopleError::Refused(_) | PeopleError::Contended)) => {
                (StatusCode::CONFLICT, "reason", format!("This was not done: {error}."))
            }
            Err(error) => return Err(problem_of(error)),
        };
        respond::<F>(app, request, status, &user, &texts, &[(field.to_owned(), message)]).await
    })
}

async fn respond<F: PersonForm>(
    app: &App,
    request: &ApiRequest,
    status: StatusCode,
    user: &StoredUser,
    typed: &BTreeMap<String, String>,
    faults: &[(String, String)],
) -> Result<ApiResponse, Problem> {
    let caller = &request.principal()?.user()?.caller;
    let security =
        app.services.people.security(caller, user.meta.organization, user.meta.id).await.map_err(problem_of)?;
    let viewer = viewer(request)?;
    let other = faults.iter().find(|(field, _)| field != "reason").map(|(_, message)| message.as_str());
    let fields = F::fields(&viewer, user, &security, typed, other);
    Ok(page_response(status, form::<F>(&viewer, user, &fields, typed, faults)))
}

fn form<F: PersonForm>(
    viewer: &Viewer,
    user: &StoredUser,
    fields: &Markup,
    typed: &BTreeMap<String, String>,
    faults: &[(String, String)],
) -> Markup {
    let title = F::title(&user.record);
    let path = format!("{SECTION}/{}", user.meta.id);
    let fault = faults.iter().find(|(field, _)| field == "reason").map(|(_, message)| message.as_str());
    let content = html! {
        (heading(&title, &html! { p { (F::explanation(&user.record)) } }, &NONE))
        form.form method="post" action={ (path) "/" (F::PATH) } novalidate {
            (form_token(viewer))
            (problem_summary(faults))
            @if !fields.0.is_empty() { section { (fields) } }
            section { (reason(typed.get("reason").map_or("", String::as_str), fault)) }
            div.save {
                button.btn.primary[!F::IS_DANGEROUS].danger-fill[F::IS_DANGEROUS] { (F::BUTTON) }
                a.btn.quiet href=(path) { "Cancel" }
            }
        }
    };
    let above = [("People", SECTION), (user.record.name.as_str(), path.as_str())];
    let head =
        Head { title: &title, section: SECTION, above: &above, has_problem: !faults.is_empty(), is_narrow: true };
    page(viewer, &head, &content)
}
