//! How bad a result is.

use findings::Severity;
use serde_json::Value;

use super::{
    format::{Kind, Level, Properties, ScanResult},
    rules::Judged,
};

pub(super) fn severity(result: &ScanResult, judged: &Judged<'_>) -> Severity {
    let own = result.properties.as_ref().and_then(security_severity);
    let of_rule = || judged.rule.and_then(|rule| rule.properties.as_ref()).and_then(security_severity);
    own.or_else(of_rule).map_or_else(|| of_level(level(result, judged)), of_score)
}

/// A CVSS score, which tools write as a text or a number.
fn security_severity(properties: &Properties) -> Option<f64> {
    let score = match properties.security_severity.as_ref()? {
        Value::String(text) => text.trim().parse().ok()?,
        value => value.as_f64()?,
    };
    f64::is_finite(score).then_some(score)
}

fn of_score(score: f64) -> Severity {
    match score {
        9.0.. => Severity::Critical,
        7.0.. => Severity::High,
        4.0.. => Severity::Medium,
        _ => Severity::Low,
    }
}

/// SARIF § 3.27.10: a result that is no failure has level none unless it says otherwise.
fn level(result: &ScanResult, judged: &Judged<'_>) -> Level {
    let of_rule = || judged.rule.and_then(|rule| rule.default_configuration.as_ref()?.level);
    result.level.unwrap_or_else(|| match result.kind {
        None | Some(Kind::Fail) => of_rule().unwrap_or(Level::Warning),
        Some(_) => Level::None,
    })
}

fn of_level(level: Level) -> Severity {
    match level {
        Level::Error => Severity::High,
        Level::Warning => Severity::Medium,
        Level::Note => Severity::Low,
        Level::None => Severity::Info,
    }
}
