//! The page of one person.

use std::collections::BTreeSet;

use audit::{AuditFilter, AuditLog, StoredEntry};
use auth::{Permission, StoredUser, User, UserStatus};
use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    handlers::find,
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::{Entry, PageLimit, PageRequest, Subject};
use maud::{Markup, html};
use people::UserSecurity;

use super::{SECTION, list::second_factor, role::role_name};
use crate::{
    components::{Head, Icon, NONE, Tone, card, copyable, flash, heading, note, page, status},
    pages::{account::sessions_table, people::session::problem_of, viewer},
    registers::history,
    response::page_response,
    viewer::Viewer,
    words::words,
};

/// The number of entries of the history that the page shows.
const HISTORY: u64 = 20;

/// The content of the page.
struct View<'v> {
    user: &'v StoredUser,
    security: &'v UserSecurity,
    history: &'v [StoredEntry],
    is_own: bool,
    done: Option<&'static str>,
}

/// Handles the request.
pub(super) fn handle<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let user = find::<User>(app, request).await?;
        let caller = &request.principal()?.user()?.caller;
        let (organization, id) = (user.meta.organization, user.meta.id);
        let security = app.services.people.security(caller, organization, id).await.map_err(problem_of)?;
        let viewer = viewer(request)?;
        let mut history = Vec::new();
        if viewer.role.permits(Permission::ReadAuditLog) {
            let filter = AuditFilter { subjects: BTreeSet::from([id.to_string()]), ..AuditFilter::default() };
            let newest = PageRequest { limit: PageLimit::clamped(HISTORY), ..PageRequest::default() };
            let entries = AuditLog::entries(&*app.services.store, organization, &filter, &newest).await?;
            let is_change = |stored: &StoredEntry| !stored.entry.action.as_str().ends_with(".read");
            history.extend(entries.items.into_iter().filter(is_change));
        }
        let view = View {
            user: &user,
            security: &security,
            history: &history,
            is_own: caller.user.meta.id == id,
            done: done(request.query()),
        };
        Ok(page_response(StatusCode::OK, person(&viewer, &view)).with_subject(Subject::from_id(id)))
    })
}

/// The words for what has just been done, by the query of the address.
fn done(query: &str) -> Option<&'static str> {
    match query.strip_prefix("done=")? {
        "role" => Some("The role was changed. They were signed out and sign in again."),
        "disabled" => Some("This person is disabled, and was signed out everywhere."),
        "enabled" => Some("This person is enabled again."),
        "session" => Some("The session has ended."),
        "sessions" => Some("All sessions of this person have ended."),
        _ => None,
    }
}

fn person(viewer: &Viewer, view: &View<'_>) -> Markup {
    let View { user, security, history: entries, is_own, done } = view;
    let record = &user.record;
    let name = record.name.as_str();
    let below = html! {
        div.meta { (status(record.status.name())) span { (role_name(record.role)) } span { (record.email) } }
    };
    let may_manage = viewer.role.permits(Permission::ManagePeople) && !is_own;
    let actions = if may_manage { actions(user) } else { NONE };
    let sessions = html! {
        @if may_manage && !security.sessions.is_empty() { a href={ (SECTION) "/" (user.meta.id) "/sessions" } { "End sessions…" } }
    };
    let content = html! {
        @if let Some(done) = done { (flash(done)) }
        (heading(name, &below, &actions))
        @if *is_own { (note(Tone::Information, "This is you.", "Your password, second factor and sessions are in your account, in the menu at the top. Another administrator changes your role.")) }
        div.split {
            div.stack {
                (card("sessions", "Sessions", &sessions, &sessions_table(viewer, &security.sessions, None)))
                @if viewer.role.permits(Permission::ReadAuditLog) {
                    (card("history", "History", &NONE, &html! { div.body { (history(viewer, entries, what_was_done)) } }))
                }
            }
            aside.aside aria-label="About this person" {
                (card("sign-in", "Sign-in", &NONE, &sign_in(viewer, user, security)))
                (card("record", "Record", &NONE, &about(viewer, user)))
            }
        }
    };
    let head = Head { title: name, section: SECTION, above: &[("People", SECTION)], ..Head::default() };
    page(viewer, &head, &content)
}

/// The words for an entry about a person, after the name of its actor.
fn what_was_done(entry: &Entry) -> String {
    let is_own = entry.subject.as_ref().map(|subject| subject.id.as_str()) == entry.actor.id.as_deref();
    let action = entry.action.as_str();
    let verb = action.strip_prefix("user.").unwrap_or(action);
    let text = match verb {
        "created" => "added this person",
        "invited" => "created an invitation",
        "activated" => "accepted the invitation",
        "updated" => "changed the profile",
        "role_set" => "changed the role",
        "reset_link_issued" => "made a link for a new password",
        "password_reset" => "set a new password by a link",
        "sessions_revoked" => "ended all sessions",
        "link_shown" => "saw the link that was made",
        "reauthenticated" => "entered the password again",
        "sign_in_failed" => "failed to sign in",
        verb if is_own => return words(verb),
        verb => return format!("{} this person", words(verb)),
    };
    text.to_owned()
}

fn actions(user: &StoredUser) -> Markup {
    let path = format!("{SECTION}/{}", user.meta.id);
    let status = user.record.status;
    html! {
        @if status != UserStatus::Disabled { a.btn href={ (path) "/role" } { (Icon::Pencil) "Change the role…" } }
        @if status == UserStatus::Invited { a.btn href={ (path) "/invitation" } { (Icon::Replay) "Invite again…" } }
        @if status == UserStatus::Active { a.btn href={ (path) "/reset" } { (Icon::Key) "Reset the password…" } }
        @if status == UserStatus::Disabled { a.btn.primary href={ (path) "/enable" } { (Icon::Check) "Enable…" } }
        @else { a.btn.danger href={ (path) "/disable" } { (Icon::Disable) "Disable…" } }
    }
}

fn sign_in(viewer: &Viewer, user: &StoredUser, security: &UserSecurity) -> Markup {
    let time = |at: Option<kernel::Timestamp>, never: &str| html! { @if let Some(at) = at { (viewer.zone.minute(at)) } @else { (never) } };
    html! {
        div.body {
            dl.dl {
                dt { "Last sign-in" } dd { (time(security.last_sign_in, "Never")) }
                dt { "Password set" } dd { (time(security.password_set_at, "Not yet")) }
                dt { "Second factor" } dd { (second_factor(user.record.role, security.second_factor_since.is_some(), security.passkeys.len())) }
                @if security.has_second_factor() {
                    dt { "Recovery codes" } dd { (security.recovery_codes_left) " left" }
                }
            }
        }
    }
}

fn about(viewer: &Viewer, user: &StoredUser) -> Markup {
    html! {
        div.body {
            dl.dl {
                dt { "Id" } dd { (copyable("record-id", &user.meta.id.to_string(), "id")) }
                dt { "Time zone" } dd { @match &user.record.timezone { Some(zone) => (zone), None => "That of the workspace" } }
                dt { "Created" } dd { (viewer.zone.minute(user.meta.created_at)) }
                dt { "Changed" } dd { (viewer.zone.minute(user.meta.updated_at)) }
            }
        }
    }
}
