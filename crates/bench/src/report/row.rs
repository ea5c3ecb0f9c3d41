//! One figure and its target.

use serde_json::{Value, json};

/// The unit of a figure.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unit {
    Micros,
    Millis,
    Mebibytes,
    PerSecond,
    Times,
    /// A fraction, printed in percent.
    Share,
}

/// The target of a figure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bar {
    at_most: bool,
    target: f64,
    goal: Option<f64>,
}

/// A line of a table.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    what: String,
    figure: f64,
    unit: Unit,
    spread: Option<f64>,
    bar: Option<Bar>,
}

impl Unit {
    fn show(self, figure: f64) -> String {
        match self {
            Self::Micros => format!("{figure:.1} µs"),
            Self::Millis => format!("{figure:.1} ms"),
            Self::Mebibytes => format!("{figure:.1} MiB"),
            Self::PerSecond => format!("{figure:.0} /s"),
            Self::Times => format!("{figure:.2} ×"),
            Self::Share => format!("{:.1} %", figure * 100.0),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Micros => "microseconds",
            Self::Millis => "milliseconds",
            Self::Mebibytes => "mebibytes",
            Self::PerSecond => "per second",
            Self::Times => "times",
            Self::Share => "share",
        }
    }
}

impl Bar {
    pub(crate) fn at_most(target: f64) -> Self {
        Self { at_most: true, target, goal: None }
    }

    pub(crate) fn at_least(target: f64) -> Self {
        Self { at_most: false, target, goal: None }
    }

    pub(crate) fn goal(self, goal: f64) -> Self {
        Self { goal: Some(goal), ..self }
    }

    fn met(self, figure: f64) -> bool {
        if self.at_most { figure <= self.target } else { figure >= self.target }
    }

    fn sign(self) -> char {
        if self.at_most { '≤' } else { '≥' }
    }
}

impl Row {
    pub(crate) fn new(what: impl Into<String>, figure: f64, unit: Unit) -> Self {
        Self { what: what.into(), figure, unit, spread: None, bar: None }
    }

    /// Sets the spread of the rounds, as a share of the figure.
    pub(crate) fn spread(self, spread: f64) -> Self {
        Self { spread: Some(spread), ..self }
    }

    pub(crate) fn held_to(self, bar: Bar) -> Self {
        Self { bar: Some(bar), ..self }
    }

    /// Returns whether the figure meets its target, if it has one.
    pub(crate) fn met(&self) -> Option<bool> {
        Some(self.bar?.met(self.figure))
    }

    pub(super) fn cells(&self) -> [String; 6] {
        let bound = |limit: Option<f64>| {
            let (bar, limit) = self.bar.zip(limit)?;
            Some(format!("{} {}", bar.sign(), self.unit.show(limit)))
        };
        let verdict = match self.met() {
            None => "",
            Some(true) => "met",
            Some(false) => "MISSED",
        };
        [
            self.what.clone(),
            self.unit.show(self.figure),
            self.spread.map(|spread| format!("{:.0} %", spread * 100.0)).unwrap_or_default(),
            bound(self.bar.map(|bar| bar.target)).unwrap_or_default(),
            bound(self.bar.and_then(|bar| bar.goal)).unwrap_or_default(),
            verdict.to_owned(),
        ]
    }

    pub(super) fn document(&self) -> Value {
        json!({
            "what": self.what,
            "figure": self.figure,
            "unit": self.unit.name(),
            "spread": self.spread,
            "target": self.bar.map(|bar| bar.target),
            "goal": self.bar.and_then(|bar| bar.goal),
            "met": self.met(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_met_on_its_own_side() {
        let met = |bar: Bar, figure: f64| Row::new("", figure, Unit::Times).held_to(bar).met();
        assert_eq!(met(Bar::at_most(10.0), 10.0), Some(true));
        assert_eq!(met(Bar::at_most(10.0), 10.1), Some(false));
        assert_eq!(met(Bar::at_least(0.5), 0.6), Some(true));
        assert_eq!(met(Bar::at_least(0.5), 0.4), Some(false));
        assert_eq!(Row::new("", 1.0, Unit::Times).met(), None);
        assert_eq!(met(Bar::at_most(10.0), f64::NAN), Some(false));
    }

    #[test]
    fn scripts_get_the_figure_unrounded() {
        let document = Row::new("x", 0.123_456, Unit::Share).held_to(Bar::at_most(0.2)).document();
        assert_eq!(document["figure"], 0.123_456);
        assert_eq!(document["met"], true);
        assert_eq!(document["spread"], Value::Null);
    }
}
