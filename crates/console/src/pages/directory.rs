//! The people of the workspace: who they are, what they may do, and how they sign in.

mod forms;
mod invite;
mod link;
mod list;
mod person;
mod person_form;
mod role;

use auth::Permission;
use axum::http::Method;
use http_api::{
    endpoints::Operation,
    pipeline::Handler,
    request::{Access, Charge},
};

use crate::page_operation::page_operation;

/// The address of the section.
const SECTION: &str = "/app/people";

/// Returns the endpoints.
pub(crate) fn operations() -> Vec<Operation> {
    let of = |method, path, permission, action, handler: Handler| Operation {
        handler,
        charge: if method == Method::GET { Charge::Read } else { Charge::Write },
        ..page_operation(method, path, Access::Permission(permission), action)
    };
    let (read, manage) = (Permission::ReadPeople, Permission::ManagePeople);
    let mut operations = vec![
        of(Method::GET, SECTION, read, "user.listed", list::handle),
        of(Method::GET, "/app/people/invite", manage, "user.form_opened", invite::open),
        of(Method::POST, "/app/people/invite", manage, "user.created", invite::submit),
        of(Method::GET, "/app/people/{id}", read, "user.read", person::handle),
    ];
    macro_rules! forms {
        ($($form:ty => $path:literal, $action:literal;)*) => { $(
            operations.push(of(Method::GET, $path, manage, "user.form_opened", person_form::open::<$form>));
            operations.push(of(Method::POST, $path, manage, $action, person_form::submit::<$form>));
        )* };
    }
    forms! {
        forms::SetRole => "/app/people/{id}/role", "user.role_set";
        forms::Disable => "/app/people/{id}/disable", "user.disabled";
        forms::Enable => "/app/people/{id}/enable", "user.enabled";
        forms::InviteAgain => "/app/people/{id}/invitation", "user.invited";
        forms::Reset => "/app/people/{id}/reset", "user.reset_link_issued";
        forms::EndSessions => "/app/people/{id}/sessions", "user.sessions_revoked";
    }
    operations
}
