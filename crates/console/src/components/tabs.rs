//! Links to the lists beside a list.

use maud::{Markup, html};

/// Links to the lists beside a list: the address and the title of each. `current` is the address of this one.
pub(crate) fn tabs(label: &str, links: &[(&str, &str)], current: &str) -> Markup {
    html! {
        nav.tabs aria-label=(label) {
            @for (href, title) in links { a href=(href) aria-current=[(*href == current).then_some("page")] { (title) } }
        }
    }
}
