//! Attempts: the texts of a form on a page, and why it did not work.

use axum::http::StatusCode;
use maud::{Markup, html};

use super::form_texts::FormTexts;
use crate::{
    components::{Choice, Tone, note, problem_summary},
    registers::TypedFaults,
    words::sentence,
};

/// The notice of a change by another person.
const STALE: &str = "Somebody else changed this record while you looked at it.";

/// The decision that a person can take on a page now.
pub(crate) struct Decision<'d> {
    /// The name of the field with the choice.
    pub(crate) name: &'d str,
    /// The choices that it offers.
    pub(crate) options: &'d [Choice<'d>],
    /// The names and labels of the other fields that the form has at some time, but not now.
    pub(crate) absent: &'d [(&'d str, &'d str)],
}

/// The texts of a form that a person sent, and why it did not work. Empty when the page is opened.
#[derive(Default)]
pub(crate) struct Attempt<'a> {
    texts: Option<&'a FormTexts>,
    faults: TypedFaults,
    refusal: Option<String>,
    is_stale: bool,
}

impl<'a> Attempt<'a> {
    /// Fields of the form are wrong.
    pub(crate) fn faulty(texts: &'a FormTexts, faults: TypedFaults) -> Self {
        Self { texts: Some(texts), faults, ..Self::default() }
    }

    /// The rules of the domain refused it, with this message.
    pub(crate) fn refused(texts: &'a FormTexts, message: impl ToString) -> Self {
        Self { texts: Some(texts), refusal: Some(message.to_string()), ..Self::default() }
    }

    /// Somebody else changed the record since the page was opened.
    pub(crate) fn stale(texts: &'a FormTexts) -> Self {
        Self { texts: Some(texts), is_stale: true, ..Self::default() }
    }

    /// The status of the response with the page.
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self { is_stale: true, .. } | Self { refusal: Some(_), .. } => StatusCode::CONFLICT,
            Self { texts: Some(_), .. } => StatusCode::BAD_REQUEST,
            _ => StatusCode::OK,
        }
    }

    /// Whether something went wrong.
    pub(crate) fn has_problem(&self) -> bool {
        self.texts.is_some()
    }

    /// The text that was typed into the field with this name.
    pub(crate) fn typed(&self, name: &str) -> &str {
        self.texts.and_then(|texts| texts.0.get(name)).map_or("", String::as_str)
    }

    /// The fault of the field with this name.
    pub(crate) fn fault(&self, name: &str) -> Option<&str> {
        self.faults.0.get(name).map(String::as_str)
    }

    /// The notice at the top of the page with a decision. What was typed into fields that the page lacks stands in it.
    pub(crate) fn notice_on(&self, decision: &Decision<'_>) -> Markup {
        let chosen = self.typed(decision.name);
        let is_offered = decision.options.iter().any(|option| option.value == chosen);
        if chosen.is_empty() || is_offered || self.status() != StatusCode::CONFLICT {
            return self.notice();
        }
        let rest = match decision.options.is_empty() {
            true => "nothing can be decided here any more",
            false => "nothing is chosen below: check the record as it is now, and choose again or leave it",
        };
        let why = self.refusal.as_deref().map(sentence_of).unwrap_or_default();
        let text = format!("Nothing was done. “{}” is not possible any more, and {rest}. {why}", sentence(chosen));
        let lead = if self.is_stale { STALE } else { "This was not done." };
        let kept = decision.absent.iter().map(|(name, label)| (format!("kept-{name}"), label, self.typed(name)));
        html! {
            (note(Tone::Warning, lead, text.trim_end()))
            @for (id, label, text) in kept.filter(|(.., text)| !text.trim().is_empty()) {
                div.f {
                    label for=(id) { (label) ", as you typed it" }
                    textarea.in id=(id) rows="3" readonly { "\n" (text) }
                }
            }
        }
    }

    /// The notice at the top of the page.
    pub(crate) fn notice(&self) -> Markup {
        let problems: Vec<(String, String)> = self
            .faults
            .0
            .iter()
            .map(|(name, message)| (name.clone(), format!("{} {message}", sentence(name))))
            .collect();
        html! {
            (problem_summary(&problems))
            @if let Some(refusal) = &self.refusal { (note(Tone::Bad, "This was not done.", &sentence_of(refusal))) }
            @if self.is_stale {
                (note(
                    Tone::Warning,
                    STALE,
                    "Nothing was done yet, and what you typed is kept. This page shows the record as it is now: check it, and send the form again.",
                ))
            }
        }
    }
}

/// A message as a sentence: with a capital letter and a full stop.
fn sentence_of(message: &str) -> String {
    let mut text = message.to_owned();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    if !text.ends_with('.') {
        text.push('.');
    }
    text
}
