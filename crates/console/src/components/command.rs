//! Forms that move a record: the choice of what to do, the reason, and the button.

use maud::{Markup, html};

use super::Icon;

/// One option of a choice.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    /// The value that is sent.
    pub(crate) value: &'static str,
    /// The word for it.
    pub(crate) title: String,
    /// The consequence.
    pub(crate) text: &'static str,
}

/// A choice of one of a few options with consequences. The first is chosen if none is.
pub(crate) fn choices(name: &str, legend: &str, error: Option<&str>, options: &[Choice], selected: &str) -> Markup {
    let is_given = options.iter().any(|option| option.value == selected);
    html! {
        fieldset.f.err[error.is_some()] id=(name) {
            legend { (legend) }
            @if let Some(error) = error { span.msg { (Icon::AlertCircle) span { span.vh { "Error: " } (error) } } }
            div.choices.across {
                @for (index, option) in options.iter().enumerate() {
                    @let is_selected = if is_given { option.value == selected } else { index == 0 };
                    label.choice {
                        input type="radio" name=(name) value=(option.value) checked[is_selected];
                        span { b { (option.title) } @if !option.text.is_empty() { span { (option.text) } } }
                    }
                }
            }
        }
    }
}

/// One step of the life of a record.
pub(crate) struct Step {
    /// The word for it.
    pub(crate) title: String,
    /// When it began.
    pub(crate) began: Option<Markup>,
}

/// The life of a record: the steps up to `current` are done.
pub(crate) fn steps(label: &str, steps: &[Step], current: usize) -> Markup {
    html! {
        ol.steps aria-label=(label) {
            @for (index, step) in steps.iter().enumerate() {
                li.done[index < current].now[index == current] aria-current=[(index == current).then_some("step")] {
                    (step.title)
                    @if let Some(began) = &step.began { small { (began) } }
                }
            }
        }
    }
}
