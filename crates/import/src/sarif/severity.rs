//! The severity of a result.

use findings::Severity;
use serde_json::Value;

use super::{
    format::{Kind, Level, Properties, ScanResult},
    rules::ResolvedRule,
};

pub(super) fn severity(result: &ScanResult, resolved: &ResolvedRule<'_>) -> Severity {
    let own_score = result.properties.as_ref().and_then(security_severity);
    let rule_value = || resolved.rule.and_then(|rule| rule.properties.as_ref()).and_then(security_severity);
    own_score.or_else(rule_value).map_or_else(|| severity_from_level(level(result, resolved)), severity_from_score)
}

/// The CVSS score, which tools write as a string or as a number.
fn security_severity(properties: &Properties) -> Option<f64> {
    let score = match properties.security_severity.as_ref()? {
        Value::String(text) => text.trim().parse().ok()?,
        value => value.as_f64()?,
    };
    f64::is_finite(score).then_some(score)
}

fn severity_from_score(score: f64) -> Severity {
    match score {
        9.0.. => Severity::Critical,
        7.0.. => Severity::High,
        4.0.. => Severity::Medium,
        _ => Severity::Low,
    }
}

/// The level of a result: unless it is specified, results of another kind than `fail` have the level none (SARIF §
/// 3.27.10).
fn level(result: &ScanResult, resolved: &ResolvedRule<'_>) -> Level {
    let rule_value = || resolved.rule.and_then(|rule| rule.default_configuration.as_ref()?.level);
    result.level.unwrap_or_else(|| match result.kind {
        None | Some(Kind::Fail) => rule_value().unwrap_or(Level::Warning),
        Some(_) => Level::None,
    })
}

fn severity_from_level(level: Level) -> Severity {
    match level {
        Level::Error => Severity::High,
        Level::Warning => Severity::Medium,
        Level::Note => Severity::Low,
        Level::None => Severity::Info,
    }
}
