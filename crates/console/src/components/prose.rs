//! Texts that people wrote, with their paragraphs and the ends of their lines.

use maud::{Markup, html};

/// The paragraphs of a text, whichever direction its script has.
pub(crate) fn prose(text: &str) -> Markup {
    html! { @for paragraph in text.split("\n\n") { p.lines dir="auto" { (paragraph) } } }
}
