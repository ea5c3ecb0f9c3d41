//! One figure and its target.

use serde_json::{Value, json};

/// The unit of a figure.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unit {
    Micros,
    Millis,
    Mebibytes,
    Kibibytes,
    Bytes,
    PerSecond,
    Count,
    Times,
    /// A fraction, printed in percent.
    Share,
}

/// The target of a figure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    at_most: bool,
    bound: f64,
    goal: Option<f64>,
}

/// A line of a table.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    label: String,
    figure: f64,
    unit: Unit,
    spread: Option<f64>,
    target: Option<Target>,
}

impl Unit {
    fn format(self, figure: f64) -> String {
        match self {
            Self::Micros => format!("{figure:.1} µs"),
            Self::Millis => format!("{figure:.1} ms"),
            Self::Mebibytes => format!("{figure:.1} MiB"),
            Self::Kibibytes => format!("{figure:.1} KiB"),
            Self::Bytes => format!("{figure:.1} B"),
            Self::PerSecond => format!("{figure:.0} /s"),
            Self::Count => format!("{figure:.0}"),
            Self::Times => format!("{figure:.2} ×"),
            Self::Share => format!("{:.1} %", figure * 100.0),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Micros => "microseconds",
            Self::Millis => "milliseconds",
            Self::Mebibytes => "mebibytes",
            Self::Kibibytes => "kibibytes",
            Self::Bytes => "bytes",
            Self::PerSecond => "per second",
            Self::Count => "count",
            Self::Times => "times",
            Self::Share => "share",
        }
    }
}

impl Target {
    pub(crate) fn at_most(target: f64) -> Self {
        Self { at_most: true, bound: target, goal: None }
    }

    pub(crate) fn at_least(target: f64) -> Self {
        Self { at_most: false, bound: target, goal: None }
    }

    pub(crate) fn goal(self, goal: f64) -> Self {
        Self { goal: Some(goal), ..self }
    }

    fn is_met(self, figure: f64) -> bool {
        if self.at_most { figure <= self.bound } else { figure >= self.bound }
    }

    fn sign(self) -> char {
        if self.at_most { '≤' } else { '≥' }
    }
}

impl Row {
    pub(crate) fn new(what: impl Into<String>, figure: f64, unit: Unit) -> Self {
        Self { label: what.into(), figure, unit, spread: None, target: None }
    }

    /// Sets the spread of the rounds, as a share of the figure.
    pub(crate) fn spread(self, spread: f64) -> Self {
        Self { spread: Some(spread), ..self }
    }

    pub(crate) fn with_target(self, bar: Target) -> Self {
        Self { target: Some(bar), ..self }
    }

    /// Returns whether the figure meets its target, if it has one.
    pub(crate) fn is_met(&self) -> Option<bool> {
        Some(self.target?.is_met(self.figure))
    }

    pub(super) fn cells(&self) -> [String; 6] {
        let bound = |limit: Option<f64>| {
            let (bar, limit) = self.target.zip(limit)?;
            Some(format!("{} {}", bar.sign(), self.unit.format(limit)))
        };
        let verdict = match self.is_met() {
            None => "",
            Some(true) => "met",
            Some(false) => "MISSED",
        };
        [
            self.label.clone(),
            self.unit.format(self.figure),
            self.spread.map(|spread| format!("{:.0} %", spread * 100.0)).unwrap_or_default(),
            bound(self.target.map(|bar| bar.bound)).unwrap_or_default(),
            bound(self.target.and_then(|bar| bar.goal)).unwrap_or_default(),
            verdict.to_owned(),
        ]
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "what": self.label,
            "figure": self.figure,
            "unit": self.unit.name(),
            "spread": self.spread,
            "target": self.target.map(|bar| bar.bound),
            "goal": self.target.and_then(|bar| bar.goal),
            "met": self.is_met(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_an_upper_or_a_lower_bound() {
        let met = |bar: Target, figure: f64| Row::new("", figure, Unit::Times).with_target(bar).is_met();
        assert_eq!(met(Target::at_most(10.0), 10.0), Some(true));
        assert_eq!(met(Target::at_most(10.0), 10.1), Some(false));
        assert_eq!(met(Target::at_least(0.5), 0.6), Some(true));
        assert_eq!(met(Target::at_least(0.5), 0.4), Some(false));
        assert_eq!(Row::new("", 1.0, Unit::Times).is_met(), None);
        assert_eq!(met(Target::at_most(10.0), f64::NAN), Some(false));
    }

    #[test]
    fn the_json_document_has_unrounded_figures() {
        let document = Row::new("x", 0.123_456, Unit::Share).with_target(Target::at_most(0.2)).to_json();
        assert_eq!(document["figure"], 0.123_456);
        assert_eq!(document["met"], true);
        assert_eq!(document["spread"], Value::Null);
    }
}
