//! The strip of numbers at the top of a page, each a link to the records behind it.

use maud::{Markup, html};

/// One number.
#[derive(Clone, Debug)]
pub(crate) struct Stat<'s> {
    /// The words above it.
    pub(crate) title: &'s str,
    /// The number.
    pub(crate) value: String,
    /// Whether it needs attention.
    pub(crate) is_bad: bool,
    /// The words below it.
    pub(crate) detail: Markup,
    /// The address of the records.
    pub(crate) href: String,
}

/// The strip.
pub(crate) fn stat_strip(label: &str, stats: &[Stat<'_>]) -> Markup {
    html! {
        section.card aria-label=(label) {
            div.stats {
                @for stat in stats {
                    a href=(stat.href) {
                        span.k { (stat.title) }
                        span.v.bad[stat.is_bad] { (stat.value) }
                        span.d { (stat.detail) }
                    }
                }
            }
        }
    }
}
