//! The button that leads to the form of a new evidence claim.

use auth::Permission;
use evidence::EvidenceRequirementStatus;
use kernel::{Kind, Record};
use maud::{Markup, html};

use crate::{
    components::Icon,
    registers::{Row, register_of},
    viewer::Viewer,
};

/// The button that leads to the form, for those who may make a claim. `requirement` is the key of its requirement.
pub(crate) fn new_claim_button(viewer: &Viewer, requirement: Option<&str>) -> Markup {
    let chosen = requirement.map(|key| {
        let key: String = form_urlencoded::byte_serialize(key.as_bytes()).collect();
        format!("?requirement={key}")
    });
    html! {
        @if viewer.role.permits(Permission::ChangeRecords) {
            a.btn.primary href={ "/app/evidence-claims/new" (chosen.unwrap_or_default()) } { (Icon::Plus) "New claim" }
        }
    }
}

/// The button on the page of a record, which only requirements in force have.
pub(crate) fn button_of_requirement<R: Record>(viewer: &Viewer, row: &Row) -> Markup {
    let register = register_of::<R>();
    let text = |index: Option<usize>| index.and_then(|index| row.values[index].as_value().as_str());
    let is_active = text(register.position("status")) == Some(EvidenceRequirementStatus::Active.name());
    html! {
        @if R::KIND == Kind::EvidenceRequirement && is_active { (new_claim_button(viewer, text(register.key()))) }
    }
}
