//! Saved views of lists: their address, and the forms that save, change and delete them.

mod bar;
mod form;

use auth::{NewSavedView, Permission, SavedView, SavedViewName, SavedViewQuery};
use futures_util::future::BoxFuture;
use http_api::{
    endpoints::Operation,
    pipeline::App,
    request::{Access, ApiRequest},
    response::{ApiResponse, Problem},
};
use kernel::{RecordKey, Timestamp};
use people::{Author, PeopleError};

use super::{attempt::Attempt, form_texts::FormTexts, people::session::problem_of};
use crate::{
    page_operation::{form_at, page_at},
    registers::{ChosenFilters, Register, TypedFaults, register_named},
    response::redirect,
};

pub(crate) use bar::ViewBar;

type Handled<'a> = BoxFuture<'a, Result<ApiResponse, Problem>>;

/// Returns the endpoints.
pub(crate) fn operations() -> Vec<Operation> {
    let access = Access::Permission(Permission::ReadRecords);
    vec![
        page_at("/app/views/{id}", access, "saved_view.opened", open),
        form_at("/app/views", access, "saved_view.created", save),
        form_at("/app/views/{id}/edit", access, "saved_view.updated", edit),
        form_at("/app/views/{id}/delete", access, "saved_view.deleted", delete),
    ]
}

/// Handles the address of a view: it leads to the list with the view's filters.
fn open<'a>(app: &'a App, request: &'a ApiRequest) -> Handled<'a> {
    Box::pin(async move {
        let caller = &request.principal()?.user()?.caller;
        let id = request.path_id()?;
        let view = app.services.people.saved_view(caller, id).await.map_err(problem_of)?;
        let now = app.services.clock.now();
        Ok(redirect(&address(&view, now).ok_or_else(Problem::not_found)?))
    })
}

/// The address of the list with the view's filters; `None` if there is no such list any more.
fn address(view: &SavedView, now: Timestamp) -> Option<String> {
    let register = register_named(view.list.as_str())?;
    let filters = ChosenFilters::read_query(&register, view.query.as_str()).at(now);
    Some(format!("{}{}", register.path(), filters.query()))
}

fn save<'a>(app: &'a App, request: &'a ApiRequest) -> Handled<'a> {
    Box::pin(async move {
        let texts = FormTexts::read(request)?;
        let register = register_named(texts.0.get("list").map_or("", String::as_str)).ok_or_else(Problem::not_found)?;
        let now = app.services.clock.now();
        let (new, chosen) = match read(&register, &texts, now) {
            Ok(read) => read,
            Err(faults) => return form::respond(request, &register, &Attempt::faulty(&texts, faults), None),
        };
        let user = request.principal()?.user()?;
        let author = Author::user(&user.caller, request.origin(), None);
        let organization = request.principal()?.organization_ref();
        match app.services.people.save_view(&author, organization, &user.caller, new).await {
            Ok(_) => Ok(redirect(&format!("{}{}", register.path(), chosen.query())).recorded()),
            Err(PeopleError::SavedView(error)) => {
                form::respond(request, &register, &form::refused(&texts, error), None)
            }
            Err(error) => Err(problem_of(error)),
        }
    })
}

/// Reads the view of a form, and the filters of the list that it was saved on.
fn read(register: &Register, texts: &FormTexts, now: Timestamp) -> Result<(NewSavedView, ChosenFilters), TypedFaults> {
    let chosen = ChosenFilters::read_query(register, texts.0.get("query").map_or("", String::as_str));
    let mut faults = TypedFaults::default();
    let name = read_name(texts, &mut faults);
    let stored = if texts.0.contains_key("moving") { chosen.moving(now) } else { chosen.clone() };
    let query = stored.query();
    let query = SavedViewQuery::parse(query.trim_start_matches('?')).map_err(|error| error.to_string());
    let query = chosen.fault(register).map_or(query, Err);
    if let Err(message) = &query {
        faults.0.insert("query".to_owned(), message.clone());
    }
    match (name, query, RecordKey::parse(register.plural)) {
        (Some(name), Ok(query), Ok(list)) => {
            let is_shared = texts.0.contains_key("shared");
            Ok((NewSavedView { list, name, query, is_shared }, chosen.at(now)))
        }
        _ => Err(faults),
    }
}

fn read_name(texts: &FormTexts, faults: &mut TypedFaults) -> Option<SavedViewName> {
    let name = SavedViewName::parse(texts.0.get("name").map_or("", String::as_str));
    name.map_err(|error| faults.0.insert("name".to_owned(), error.to_string())).ok()
}

fn edit<'a>(app: &'a App, request: &'a ApiRequest) -> Handled<'a> {
    Box::pin(async move {
        let texts = FormTexts::read(request)?;
        let user = request.principal()?.user()?;
        let (people, id) = (&app.services.people, request.path_id()?);
        let view = people.saved_view(&user.caller, id).await.map_err(problem_of)?;
        let register = register_named(view.list.as_str()).ok_or_else(Problem::not_found)?;
        let mut faults = TypedFaults::default();
        let Some(name) = read_name(&texts, &mut faults) else {
            return form::respond(request, &register, &Attempt::faulty(&texts, faults), Some(&view));
        };
        let author = Author::user(&user.caller, request.origin(), None);
        let organization = request.principal()?.organization_ref();
        let change = (name, texts.0.contains_key("shared"));
        match people.change_view(&author, organization, &user.caller, id, change).await {
            Ok(changed) => {
                let list = redirect(&address(&changed, app.services.clock.now()).ok_or_else(Problem::not_found)?);
                Ok(if changed.version == view.version { list } else { list.recorded() })
            }
            Err(PeopleError::SavedView(error)) => {
                form::respond(request, &register, &form::refused(&texts, error), Some(&view))
            }
            Err(error) => Err(problem_of(error)),
        }
    })
}

fn delete<'a>(app: &'a App, request: &'a ApiRequest) -> Handled<'a> {
    Box::pin(async move {
        FormTexts::read(request)?;
        let user = request.principal()?.user()?;
        let author = Author::user(&user.caller, request.origin(), None);
        let organization = request.principal()?.organization_ref();
        let people = &app.services.people;
        let deleted = people.delete_view(&author, organization, &user.caller, request.path_id()?).await;
        let list = address(&deleted.map_err(problem_of)?, app.services.clock.now());
        Ok(redirect(&list.unwrap_or_else(|| "/app".to_owned())).recorded())
    })
}
