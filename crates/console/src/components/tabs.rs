//! Links to the pages beside a page.

use maud::{Markup, html};

/// Links to the pages beside a page: the address and the title of each. `current` is the address of this one.
pub(crate) fn tabs(label: &str, links: &[(&str, &str)], current: &str) -> Markup {
    html! {
        nav.tabs aria-label=(label) {
            @for (href, title) in links { a href=(href) aria-current=[(*href == current).then_some("page")] { (title) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tab_of_this_page_is_marked() {
        let html = tabs("Pages", &[("/a", "A"), ("/b", "B")], "/b").into_string();
        assert!(html.contains("<a href=\"/a\">A</a><a href=\"/b\" aria-current=\"page\">B</a>"), "{html}");
    }
}
