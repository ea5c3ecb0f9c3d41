//! The steps of the life of a record.

use maud::{Markup, html};

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
