//! Notices, summaries of errors, and what stands where there is nothing.

use maud::{Markup, html};

use super::Icon;

/// The tone of a notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Good,
    Warning,
    Bad,
    Information,
}

impl Tone {
    pub(super) const fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warning => "warn",
            Self::Bad => "bad",
            Self::Information => "info",
        }
    }

    const fn icon(self) -> Icon {
        match self {
            Self::Good => Icon::Check,
            Self::Warning | Self::Bad => Icon::AlertCircle,
            Self::Information => Icon::Information,
        }
    }
}

/// A notice: a sentence in bold, and what follows from it.
pub(crate) fn note(tone: Tone, lead: &str, rest: &str) -> Markup {
    html! {
        div class={ "note " (tone.class()) } {
            (tone.icon())
            div { b { (lead) } @if !rest.is_empty() { p { (rest) } } }
        }
    }
}

/// The notice of what the reader has just done, which is read aloud after the redirect.
pub(crate) fn flash(text: &str) -> Markup {
    html! { div.note.good role="status" { (Icon::Check) div { b { (text) } } } }
}

/// The summary of what is wrong with a form: one link to each field, with the words that stand at the field.
pub(crate) fn problem_summary(problems: &[(String, String)]) -> Markup {
    html! {
        @if !problems.is_empty() {
            div.problem #problem tabindex="-1" role="alert" aria-labelledby="problem-t" {
                h2 #problem-t { @if problems.len() == 1 { "There is a problem" } @else { "There are " (problems.len()) " problems" } }
                ul { @for (field, message) in problems { li { a href={ "#" (field) } { (message) } } } }
            }
        }
    }
}

/// The notice that replaces an empty list: what would be there, and what to do next.
pub(crate) fn blank(icon: Icon, title: &str, text: &str, actions: &Markup) -> Markup {
    html! {
        div.blank {
            span.pic { (icon) }
            h2 { (title) }
            p { (text) }
            @if !actions.0.is_empty() { div.actions { (actions) } }
        }
    }
}
