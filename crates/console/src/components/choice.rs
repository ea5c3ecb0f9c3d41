//! Choices in forms: options with their consequences, menus of filters, and the bar with the button.

use maud::{Markup, html};

/// One of several exclusive options.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Choice<'c> {
    pub(crate) value: &'c str,
    pub(crate) title: &'c str,
    /// The consequence, in a sentence.
    pub(crate) consequence: &'c str,
}

/// A field with exclusive options.
pub(crate) fn choices(name: &str, legend: &str, options: &[Choice<'_>], selected: &str) -> Markup {
    html! {
        fieldset.f {
            legend { (legend) }
            div.choices {
                @for option in options {
                    label.choice {
                        input type="radio" name=(name) value=(option.value) checked[option.value == selected];
                        span { b { (option.title) } span { (option.consequence) } }
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
