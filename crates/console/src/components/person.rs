//! Actors: a person with initials in a circle, a program with a robot in a square.

use kernel::ActorKind;
use maud::{Markup, html};

use super::Icon;
use crate::viewer::initials;

/// The circle with the initials of a person.
pub(crate) fn avatar(name: &str) -> Markup {
    html! { span.avatar aria-hidden="true" { (initials(name)) } }
}

/// The actor of a change.
pub(crate) fn actor(kind: ActorKind, name: &str) -> Markup {
    html! {
        span.who {
            @if kind == ActorKind::User { (avatar(name)) } @else {
                span.avatar.bot aria-hidden="true" { (Icon::Program) }
            }
            span { (name) }
        }
    }
}
