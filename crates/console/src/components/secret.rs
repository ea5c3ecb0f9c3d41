//! Texts that are shown once, or copied often.

use maud::{Markup, html};

use super::Icon;

/// A text in a box of its own, with a button that copies it: an identifier, or a secret that is shown once.
pub(crate) fn secret_field(id: &str, label: &str, text: &str, hint: &str) -> Markup {
    html! {
        div.f {
            span.lab { (label) }
            div.secret {
                span id=(id) { (text) }
                button.btn.sm.js-only type="button" data-copy=(id) { (Icon::Copy) "Copy" span.vh { " the " (label.to_lowercase()) } }
            }
            @if !hint.is_empty() { span.hint { (hint) } }
        }
    }
}
