//! Sparklines: small plots in cells of tables, with their values in the label.

use maud::{Markup, html};

use super::chart::{number, ratio};

/// The height of the drawing.
const HEIGHT: f64 = 24.0;
/// The width of the drawing.
const WIDTH: f64 = 112.0;

/// A sparkline. Each value states whether its bar shows a problem.
pub(crate) fn sparkline(label: &str, values: &[(u64, bool)]) -> Markup {
    let max = values.iter().map(|(value, _)| *value).max().unwrap_or_default();
    let slot = WIDTH / f64::from(u32::try_from(values.len().max(1)).unwrap_or(u32::MAX));
    let texts: Vec<String> = values.iter().map(|(value, _)| value.to_string()).collect();
    let bars: Vec<(&str, f64, f64)> = values
        .iter()
        .enumerate()
        .map(|(index, (value, is_problem))| {
            let x = slot * f64::from(u32::try_from(index).unwrap_or(u32::MAX));
            // A bar without calls is a trace, so that the time is visible.
            let height = if *value == 0 { 1.0 } else { (HEIGHT * ratio(*value, max)).max(1.5) };
            (if *is_problem { "f-bad" } else { "f-accent" }, x, height)
        })
        .collect();
    html! {
        svg.spark viewBox="0 0 112 24" role="img" aria-label={ (label) ": " (texts.join(", ")) } {
            @for (class, x, height) in bars {
                rect class=(class) x=(number(x)) y=(number(HEIGHT - height)) width=(number(slot * 0.75)) height=(number(height)) rx=".8" {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sparkline_says_its_values_and_marks_problems() {
        let html = sparkline("Calls by hour", &[(0, false), (4, false), (2, true)]).into_string();
        assert!(html.contains("aria-label=\"Calls by hour: 0, 4, 2\""), "{html}");
        assert!(html.contains("<rect class=\"f-bad\"") && html.matches("f-accent").count() == 2, "{html}");
        assert!(html.contains("y=\"0.0\""), "the greatest value has the full height: {html}");
    }
}
