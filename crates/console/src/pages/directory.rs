//! The people of the workspace: who they are, what they may do, and how they sign in.

mod forms;
mod invite;
mod link;
mod list;
mod person;
mod person_form;
mod role;

use auth::Permission;
use http_api::{endpoints::Operation, request::Access};

use crate::page_operation::{form_at, page_at};

/// The address of the section.
const SECTION: &str = "/app/people";

/// Returns the endpoints.
pub(crate) fn operations() -> Vec<Operation> {
    let (read, manage) = (Access::Permission(Permission::ReadPeople), Access::Permission(Permission::ManagePeople));
    let mut operations = vec![
        page_at(SECTION, read, "user.listed", list::handle),
        page_at("/app/people/invite", manage, "user.form_opened", invite::open),
        form_at("/app/people/invite", manage, "user.created", invite::submit),
        page_at("/app/people/{id}", read, "user.read", person::handle),
        page_at("/app/people/{id}/link", manage, "user.link_shown", link::handle),
    ];
    macro_rules! forms {
        ($($form:ty => $path:literal, $action:literal;)*) => { $(
            operations.push(page_at($path, manage, "user.form_opened", person_form::open::<$form>));
            operations.push(form_at($path, manage, $action, person_form::submit::<$form>));
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
