//! Texts that are shown once.

use maud::{Markup, html};

use super::Icon;

/// A secret in a box, with a button that copies it. `id` names it in the page, `what` is the word for it.
pub(crate) fn secret_box(id: &str, label: &str, secret: &str, what: &str) -> Markup {
    html! {
        div.f {
            span.lab { (label) }
            div.secret {
                span id=(id) { (secret) }
                button.btn.sm.primary.js-only type="button" data-copy=(id) { (Icon::Copy) "Copy" span.vh { " the " (what) } }
            }
        }
    }
}
