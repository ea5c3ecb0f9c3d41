//! The fields of a saved view, in the menu of a list and on the page that says what is wrong with them.

use auth::{SavedView, SavedViewError};
use http_api::{
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use maud::{Markup, html};
use people::may_share_views;

use crate::{
    components::{Field, Head, NONE, form_token, heading, page},
    navigation::section_of,
    pages::{attempt::Attempt, form_texts::FormTexts, viewer},
    registers::{ChosenFilters, Register, TypedFaults},
    response::page_response,
    viewer::Viewer,
};

/// The texts of a form whose view was refused.
pub(super) fn refused(texts: &FormTexts, error: SavedViewError) -> Attempt<'_> {
    match error {
        SavedViewError::NameTaken => {
            let message = "is taken by another view of this list. Choose another one.".to_owned();
            Attempt::faulty(texts, TypedFaults([("name".to_owned(), message)].into()))
        }
        error => Attempt::refused(texts, error),
    }
}

/// The fields of a new view.
pub(super) fn new_fields(register: &Register, chosen: &ChosenFilters, may_share: bool) -> Markup {
    let query = chosen.query();
    let query = query.trim_start_matches('?');
    html! {
        (hidden(register, query))
        (name_field("", None))
        @if chosen.has_times() { (moving_box(false)) }
        @if may_share { (shared_box(false)) }
        div { button.btn.sm.primary { "Save the view" } }
    }
}

/// The fields of a view that exists.
pub(super) fn change_fields(view: &SavedView, may_share: bool) -> Markup {
    html! {
        (name_field(view.name.as_str(), None))
        @if may_share || view.is_shared() { (shared_box(view.is_shared())) }
        div { button.btn.sm.primary { "Save the changes" } }
    }
}

/// The form that deletes a view.
pub(super) fn delete_form(viewer: &Viewer, view: &SavedView) -> Markup {
    html! {
        form method="post" action={ "/app/views/" (view.id) "/delete" } {
            (form_token(viewer))
            button.btn.sm.danger { "Delete this view" }
        }
    }
}

fn hidden(register: &Register, query: &str) -> Markup {
    html! {
        input type="hidden" name="list" value=(register.plural);
        input type="hidden" name="query" value=(query);
    }
}

fn name_field(name: &str, error: Option<&str>) -> Markup {
    Field { name: "name", label: "Name of the view", hint: "", error, optional: false }.input("text", "", name)
}

fn shared_box(is_checked: bool) -> Markup {
    html! {
        div.check {
            input type="checkbox" id="shared" name="shared" value="yes" checked[is_checked];
            label for="shared" { "Show it to everybody in the workspace" }
        }
    }
}

fn moving_box(is_checked: bool) -> Markup {
    html! {
        div.check {
            input type="checkbox" id="moving" name="moving" value="yes" checked[is_checked];
            label for="moving" { "Move its dates along with today" }
        }
    }
}

/// Responds with the page of a form that did not work. `view` is the one that it changes.
pub(super) fn respond(
    request: &ApiRequest,
    register: &Register,
    attempt: &Attempt<'_>,
    view: Option<&SavedView>,
) -> Result<ApiResponse, Problem> {
    let (viewer, caller) = (viewer(request)?, &request.principal()?.user()?.caller);
    let (list, path) = (register.title(), register.path());
    let title = if view.is_some() { "Change this view" } else { "Save this view" };
    let action = view.map_or_else(|| "/app/views".to_owned(), |view| format!("/app/views/{}/edit", view.id));
    let query = view.map_or_else(|| attempt.typed("query"), |view| view.query.as_str());
    let chosen = ChosenFilters::read_query(register, query);
    let is_checked = |name: &str| !attempt.typed(name).is_empty();
    let content = html! {
        (heading(title, &NONE, &NONE))
        (attempt.notice())
        form.form method="post" action=(action) novalidate {
            (form_token(&viewer))
            section {
                @if view.is_none() { (hidden(register, query)) }
                (name_field(attempt.typed("name"), attempt.fault("name")))
                @if view.is_none() && chosen.has_times() { (moving_box(is_checked("moving"))) }
                @if may_share_views(caller) { (shared_box(is_checked("shared"))) }
            }
            div.save {
                button.btn.primary { "Save the view" }
                a.btn.quiet href={ (path) (chosen.query()) } { "Back to the list" }
            }
        }
    };
    let head = Head {
        title,
        section: section_of(register.kind),
        above: &[(&list, &path)],
        has_problem: attempt.has_problem(),
        is_narrow: true,
    };
    Ok(page_response(attempt.status(), page(&viewer, &head, &content)))
}
