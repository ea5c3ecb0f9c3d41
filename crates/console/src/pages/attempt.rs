//! Attempts: the texts of a form on a page, and why it did not work.

use axum::http::StatusCode;
use maud::{Markup, html};

use super::form_texts::FormTexts;
use crate::{
    components::{Tone, note, problem_summary},
    registers::TypedFaults,
    words::sentence,
};

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
                    "Somebody else changed this record while you looked at it.",
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
