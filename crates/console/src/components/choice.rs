//! Choices in forms: options with their consequences, and the bar with the button.

use std::borrow::Cow;

use maud::{Markup, html};

use super::Icon;

/// One of a few exclusive options.
#[derive(Clone, Debug)]
pub(crate) struct Choice<'c> {
    /// The value that the form sends.
    pub(crate) value: &'c str,
    /// The word for it.
    pub(crate) title: Cow<'c, str>,
    /// The consequence, in a sentence; empty if the word says it all.
    pub(crate) text: Cow<'c, str>,
}

impl<'c> Choice<'c> {
    /// Returns the option.
    pub(crate) fn new(value: &'c str, title: impl Into<Cow<'c, str>>, text: impl Into<Cow<'c, str>>) -> Self {
        Self { value, title: title.into(), text: text.into() }
    }
}

/// A field with exclusive options, one below the other. If `selected` is none of them, the first is chosen; if it is
/// `None`, none is.
pub(crate) fn choices(
    name: &str,
    legend: &str,
    error: Option<&str>,
    options: &[Choice<'_>],
    selected: Option<&str>,
) -> Markup {
    choices_in("choices", name, legend, error, options, selected)
}

/// A field with exclusive options that stand beside each other where there is room. If `selected` is none of them, none is
/// chosen: a decision is never suggested.
pub(crate) fn choices_across(
    name: &str,
    legend: &str,
    error: Option<&str>,
    options: &[Choice<'_>],
    selected: &str,
) -> Markup {
    let selected = Some(selected).filter(|selected| options.iter().any(|option| option.value == *selected));
    choices_in("choices across", name, legend, error, options, selected)
}

fn choices_in(
    class: &str,
    name: &str,
    legend: &str,
    error: Option<&str>,
    options: &[Choice<'_>],
    selected: Option<&str>,
) -> Markup {
    let is_offered = options.iter().any(|option| Some(option.value) == selected);
    html! {
        fieldset.f.err[error.is_some()] id=(name) tabindex="-1" {
            legend { (legend) }
            @if let Some(error) = error { span.msg { (Icon::AlertCircle) span { span.vh { "Error: " } (error) } } }
            div class=(class) {
                @for (index, option) in options.iter().enumerate() {
                    @let is_selected = if is_offered { Some(option.value) == selected } else { index == 0 && selected.is_some() };
                    label.choice {
                        input type="radio" name=(name) value=(option.value) checked[is_selected];
                        span { b { (option.title) } @if !option.text.is_empty() { span { (option.text) } } }
                    }
                }
            }
        }
    }
}

/// The button at the end of a row of filters.
pub(crate) fn submit_in_row(button: &str) -> Markup {
    html! { button.btn.sm { (button) } }
}

/// The bar at the end of a form: the button, and the way back.
pub(crate) fn submit_bar(button: &str, back: &str) -> Markup {
    html! {
        div.save {
            button.btn.primary { (button) }
            a.btn.quiet href=(back) { "Cancel" }
        }
    }
}
