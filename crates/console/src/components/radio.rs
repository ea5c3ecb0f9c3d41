//! Radios of one of a few values that have consequences.

use maud::{Markup, html};

use super::Icon;

/// One of the values to choose from.
#[derive(Clone, Debug)]
pub(crate) struct Radio<'c> {
    /// The value that the form sends.
    pub(crate) value: &'c str,
    /// The word for it.
    pub(crate) title: String,
    /// The meaning of it.
    pub(crate) text: String,
}

/// The choice of one of these values, which one field of a form sends.
pub(crate) fn radios(
    name: &str,
    label: &str,
    options: &[Radio<'_>],
    selected: Option<&str>,
    error: Option<&str>,
) -> Markup {
    html! {
        fieldset.f.err[error.is_some()] id=(name) tabindex="-1" {
            legend { (label) }
            @if let Some(error) = error {
                span.msg { (Icon::AlertCircle) span { span.vh { "Error: " } (error) } }
            }
            div.choices {
                @for option in options {
                    label.choice {
                        input type="radio" name=(name) value=(option.value) checked[Some(option.value) == selected];
                        span { b { (option.title) } span { (option.text) } }
                    }
                }
            }
        }
    }
}
