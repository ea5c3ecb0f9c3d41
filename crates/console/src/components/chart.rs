//! Plots: shapes drawn on the server, with their axes, legends and numbers as text, which keeps its size at every width.

use maud::{Markup, html};

use crate::words::grouped;

/// The height of the drawing, to which the axis belongs.
const HEIGHT: f64 = 200.0;
/// The width of the drawing.
const WIDTH: f64 = 1000.0;

/// One kind of value of a plot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Series<'c> {
    /// The word in the legend.
    pub(crate) title: &'c str,
    /// The class of the color, such as `f-high`.
    pub(crate) class: &'c str,
}

/// One bar of a plot.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    /// The name of the bar, in its title and in the table.
    pub(crate) name: String,
    /// The text below it; empty for most bars.
    pub(crate) tick: String,
    /// Its value of each series.
    pub(crate) values: Vec<u64>,
}

/// A plot of stacked bars.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BarChart<'c> {
    /// The message of the plot, in one or two sentences.
    pub(crate) label: &'c str,
    /// The heading of the bars in the table.
    pub(crate) unit: &'c str,
    /// The series, the uppermost of the stack first.
    pub(crate) series: &'c [Series<'c>],
    /// The bars.
    pub(crate) bars: &'c [Bar],
    /// Whether it is a low one.
    pub(crate) is_low: bool,
}

impl BarChart<'_> {
    /// The drawing with its axes.
    pub(crate) fn plot(&self) -> Markup {
        let totals = self.bars.iter().map(|bar| bar.values.iter().sum());
        let steps = if self.is_low { 2 } else { 4 };
        let step = step_for(totals.max().unwrap_or_default(), steps);
        let top = step * steps;
        html! {
            div.plot.low[self.is_low] {
                div.y aria-hidden="true" { @for tick in (0..=steps).rev() { span { (grouped(tick * step)) } } }
                svg viewBox="0 0 1000 200" preserveAspectRatio="none" role="img" aria-label=(self.label) {
                    @for line in 0..steps {
                        @let y = number(HEIGHT * ratio(line, steps));
                        line.grid x1="0" x2="1000" y1=(y) y2=(y) {}
                    }
                    line.base x1="0" x2="1000" y1="200" y2="200" {}
                    g.bars { @for index in 0..self.bars.len() { (self.bar(index, top)) } }
                }
                div.x aria-hidden="true" { @for bar in self.bars { span { (bar.tick) } } }
            }
        }
    }

    fn bar(&self, index: usize, top: u64) -> Markup {
        let bar = &self.bars[index];
        let slot = WIDTH / f64::from(u32::try_from(self.bars.len()).unwrap_or(u32::MAX));
        let x = slot * f64::from(u32::try_from(index).unwrap_or(u32::MAX));
        let mut bottom = HEIGHT;
        // The lowest of the stack is drawn first.
        let parts: Vec<(&str, f64, f64)> = self
            .series
            .iter()
            .zip(&bar.values)
            .rev()
            .filter(|(_, value)| **value > 0)
            .map(|(series, value)| {
                let height = HEIGHT * ratio(*value, top);
                bottom -= height;
                (series.class, bottom, height)
            })
            .collect();
        let values = self.series.iter().zip(&bar.values);
        let values = values.map(|(series, value)| format!("{} {}", grouped(*value), series.title.to_lowercase()));
        html! {
            g {
                title { (bar.name) ": " (values.collect::<Vec<_>>().join(", ")) }
                @for (class, y, height) in parts {
                    rect class=(class) x=(number(x + slot * 0.12)) y=(number(y)) width=(number(slot * 0.76)) height=(number(height)) {}
                }
            }
        }
    }

    /// The numbers of the drawing, as a table that is folded.
    pub(crate) fn numbers(&self) -> Markup {
        let has_total = self.series.len() > 1;
        let mut headings = vec![self.unit];
        headings.extend(self.series.iter().map(|series| series.title));
        if has_total {
            headings.push("Total");
        }
        let rows: Vec<(String, Vec<u64>)> = self
            .bars
            .iter()
            .map(|bar| {
                let total = has_total.then(|| bar.values.iter().sum());
                (bar.name.clone(), bar.values.iter().copied().chain(total).collect())
            })
            .collect();
        numbers(self.label, &headings, &rows)
    }
}

/// The numbers of a plot, as a table that is folded.
pub(crate) fn numbers(label: &str, headings: &[&str], rows: &[(String, Vec<u64>)]) -> Markup {
    html! {
        details.numbers {
            summary { "Show these numbers as a table" }
            div.tbl role="group" aria-label=(label) tabindex="0" {
                table.plain {
                    caption.vh { (label) }
                    thead { tr { @for (index, heading) in headings.iter().enumerate() { th.num[index > 0] scope="col" { (heading) } } } }
                    tbody {
                        @for (name, values) in rows {
                            tr { th scope="row" { (name) } @for value in values { td.num { (grouped(*value)) } } }
                        }
                    }
                }
            }
        }
    }
}

/// The series of a plot with their current numbers.
pub(crate) fn legend(entries: &[(Series<'_>, Option<u64>)]) -> Markup {
    html! {
        ul.legend {
            @for (series, count) in entries {
                li {
                    svg viewBox="0 0 10 10" aria-hidden="true" { rect class=(series.class) width="10" height="10" rx="2.5" {} }
                    (series.title)
                    @if let Some(count) = count { " " b { (grouped(*count)) } }
                }
            }
        }
    }
}

/// A coordinate with the digits that a screen can show.
pub(super) fn number(coordinate: f64) -> String {
    format!("{coordinate:.1}")
}

/// The part that a number has of a whole.
#[expect(clippy::cast_precision_loss, reason = "a drawing needs no more digits")]
pub(super) fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// The distance of the lines of an axis with this many of them: a round number, so that the greatest value is below the
/// uppermost line.
fn step_for(max: u64, steps: u64) -> u64 {
    let least = max.div_ceil(steps).max(1);
    let mut power = 1u64;
    loop {
        for factor in [1, 2, 5] {
            let step = power.saturating_mul(factor);
            if step >= least {
                return step;
            }
        }
        power = power.saturating_mul(10);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERIES: [Series<'_>; 2] =
        [Series { title: "High", class: "f-high" }, Series { title: "Low", class: "f-low" }];

    #[test]
    fn the_lines_of_an_axis_are_round_numbers_above_all_values() {
        for (max, steps, step) in
            [(0, 4, 1), (3, 4, 1), (5, 4, 2), (174, 4, 50), (200, 4, 50), (201, 4, 100), (9, 2, 5)]
        {
            assert_eq!(step_for(max, steps), step, "{max}");
        }
        assert!(step_for(u64::MAX, 4) > u64::MAX / 5);
    }

    #[test]
    fn bars_are_stacked_from_the_base_and_named() {
        let bars = [Bar { name: "24 Nov 2026".to_owned(), tick: "Nov".to_owned(), values: vec![1, 3] }];
        let chart = BarChart { label: "Findings", unit: "Week", series: &SERIES, bars: &bars, is_low: false };
        let html = chart.plot().into_string();
        assert!(html.contains("<title>24 Nov 2026: 1 high, 3 low</title>"), "{html}");
        let low = "<rect class=\"f-low\" x=\"120.0\" y=\"50.0\" width=\"760.0\" height=\"150.0\">";
        let high = "<rect class=\"f-high\" x=\"120.0\" y=\"0.0\" width=\"760.0\" height=\"50.0\">";
        assert!(html.contains(low) && html.contains(high), "{html}");
        let numbers = chart.numbers().into_string();
        assert!(numbers.contains("<th scope=\"row\">24 Nov 2026</th><td class=\"num\">1</td><td class=\"num\">3</td><td class=\"num\">4</td>"), "{numbers}");
    }

    #[test]
    fn a_plot_of_no_bars_has_an_axis() {
        let chart = BarChart { label: "Nothing", unit: "Week", series: &SERIES, bars: &[], is_low: true };
        assert!(chart.plot().into_string().contains("<span>2</span><span>1</span><span>0</span>"));
    }
}
