//! The severity of a result.

use findings::Severity;

use super::object::{Object, text_of};

/// A level of SARIF.
#[derive(Clone, Copy)]
pub(super) enum Level {
    None,
    Note,
    Warning,
    Error,
}

/// Returns the severity of the score, otherwise of the level.
pub(super) fn severity(score: Option<f64>, level: Option<Level>) -> Severity {
    match (score, level.unwrap_or(Level::Warning)) {
        (Some(9.0..), _) => Severity::Critical,
        (Some(7.0..), _) | (None, Level::Error) => Severity::High,
        (Some(4.0..), _) | (None, Level::Warning) => Severity::Medium,
        (Some(_), _) | (None, Level::Note) => Severity::Low,
        (None, Level::None) => Severity::Info,
    }
}

/// The member `level` of a result or configuration.
pub(super) fn level(object: &Object<'_>) -> Option<Level> {
    Some(match object.word("level", &["none", "note", "warning", "error"])? {
        "none" => Level::None,
        "note" => Level::Note,
        "warning" => Level::Warning,
        _ => Level::Error,
    })
}

const SECURITY_SEVERITY: &str = "security-severity";

/// The CVSS score of a result or rule, which tools write as a string or as a number.
pub(super) fn security_severity(object: &Object<'_>) -> Option<f64> {
    let properties = object.object("properties")?;
    let json = properties.member(SECURITY_SEVERITY)?;
    let score = text_of(json).and_then(|text| {
        let text = text.trim_matches(|character: char| character.is_ascii_whitespace());
        // Only decimal notation: `f64` would also take `inf` and `nan`.
        let is_decimal = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
        text.parse().ok().filter(|score: &f64| is_decimal && score.is_finite())
    });
    if score.is_none() {
        properties.repair(SECURITY_SEVERITY, || format!("is {}, which is no score; left out", json.get()));
    }
    score
}
