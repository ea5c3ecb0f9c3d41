//! Meters: the parts of a whole, in one bar.

use maud::{Markup, html};

use super::chart::{number, ratio};

/// A bar of parts, each with the class of its color, drawn to `whole`. Without a label it is hidden from readers, since the
/// numbers stand beside it.
pub(crate) fn meter(class: &str, label: Option<&str>, parts: &[(&str, u64)], whole: u64) -> Markup {
    let mut from = 0.0;
    let parts: Vec<(&str, f64, f64)> = parts
        .iter()
        .filter(|(_, value)| *value > 0)
        .map(|(class, value)| {
            let (x, width) = (from, 100.0 * ratio(*value, whole));
            from += width;
            (*class, x, width)
        })
        .collect();
    html! {
        svg class={ "bar " (class) } viewBox="0 0 100 10" preserveAspectRatio="none"
            role=[label.map(|_| "img")] aria-label=[label] aria-hidden=[label.is_none().then_some("true")] {
            rect.f-track width="100" height="10" {}
            @for (class, x, width) in parts { rect class=(class) x=(number(x)) width=(number(width)) height="10" {} }
        }
    }
}

/// A thin bar in a cell of a table, which the number beside it is drawn to `whole` with.
pub(crate) fn strip(class: &str, value: u64, whole: u64) -> Markup {
    let width = (100.0 * ratio(value.min(whole), whole)).max(2.0);
    html! {
        svg.strip viewBox="0 0 100 20" preserveAspectRatio="none" aria-hidden="true" {
            rect.f-track y="8" width="100" height="4" rx="2" {}
            rect class=(class) y="8" width=(number(width)) height="4" rx="2" {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_meter_lie_one_behind_the_other() {
        let html = meter("sq", None, &[("f-high", 1), ("f-medium", 0), ("f-low", 2)], 4).into_string();
        assert!(html.contains("<rect class=\"f-high\" x=\"0.0\" width=\"25.0\" height=\"10\">"), "{html}");
        assert!(html.contains("<rect class=\"f-low\" x=\"25.0\" width=\"50.0\" height=\"10\">"), "{html}");
        assert!(html.contains("aria-hidden=\"true\"") && !html.contains("f-medium"), "{html}");
        assert!(meter("tall", Some("All"), &[], 0).into_string().contains("role=\"img\" aria-label=\"All\""));
    }

    #[test]
    fn a_strip_is_never_longer_than_its_track_and_always_visible() {
        assert!(strip("f-bad", 0, 90).into_string().contains("width=\"2.0\""));
        assert!(strip("f-bad", 400, 90).into_string().contains("width=\"100.0\""));
    }
}
