//! Badges of states of the system, and blocks of code.

use maud::{Markup, html};

use super::{Icon, Tone};

/// The state of something that the system does, such as an account or an endpoint.
pub(crate) fn badge(tone: Tone, text: &str) -> Markup {
    html! { span class={ "b " (tone.class()) } { (text) } }
}

/// The status of a response.
pub(crate) fn http_status(status: Option<u16>) -> Markup {
    match status {
        Some(status @ 200..=399) => badge(Tone::Good, &status.to_string()),
        Some(429) => badge(Tone::Warning, "429"),
        Some(status) => badge(Tone::Bad, &status.to_string()),
        None => html! { span.muted { "None" } },
    }
}

/// Text that is read or typed by programs, with a button that copies it. `id` names it in the page.
pub(crate) fn code_block(id: &str, label: &str, text: &str) -> Markup {
    html! {
        div.code {
            pre id=(id) tabindex="0" role="group" aria-label=(label) { (text) }
            button.copy type="button" data-copy=(id) { (Icon::Copy) span.vh { "Copy: " (label) } }
        }
    }
}

/// A name with dots and colons, which may be broken after each.
pub(crate) fn dotted(name: &str) -> Markup {
    html! {
        @for part in name.split_inclusive(['.', ':']) { (part) wbr; }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_of_a_response_has_a_tone() {
        assert!(http_status(Some(303)).into_string().contains("b good"));
        assert!(http_status(Some(422)).into_string().contains("b bad"));
        assert!(http_status(Some(429)).into_string().contains("b warn"));
        assert!(http_status(None).into_string().contains("None"));
    }
}
