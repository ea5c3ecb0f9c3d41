//! The roles in words.

use auth::Role;
use maud::Markup;

use crate::{
    components::{Choice, choices},
    words::sentence,
};

/// The choice of a role.
pub(super) fn role_choices(selected: Option<Role>, error: Option<&str>) -> Markup {
    let options: Vec<Choice<'_>> =
        Role::ALL.iter().map(|role| Choice::new(role.name(), role_name(*role), role_text(*role).to_owned())).collect();
    choices("role", "Role", error, &options, selected.map(Role::name))
}

const fn role_text(role: Role) -> &'static str {
    match role {
        Role::Admin => {
            "Manages people, service accounts, webhooks and the workspace, and may do all that others may. Needs a second factor."
        }
        Role::Lead => "Changes and imports records, decides on evidence, reads the audit log and sees integrations.",
        Role::Contributor => "Works on records, without deciding on evidence.",
        Role::Auditor => "Reads and exports everything, including the audit log, and changes nothing.",
        Role::Reader => "Reads records.",
    }
}

/// The word for a role.
pub(super) fn role_name(role: Role) -> String {
    sentence(role.name())
}
