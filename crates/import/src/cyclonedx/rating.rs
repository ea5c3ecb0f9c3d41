//! The severity, vector and score of a vulnerability.

use kernel::{Decimal, Severity};

use crate::{object::Object, shorten};

/// The rating of a vulnerability that its record has.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rating {
    pub(super) severity: Severity,
    pub(super) vector: Option<String>,
    pub(super) score: Option<String>,
}

/// The methods of CVSS, from the oldest, with the prefix of their vectors.
const METHODS: &[(&str, &str)] =
    &[("CVSSv2", ""), ("CVSSv3", "CVSS:3.0/"), ("CVSSv31", "CVSS:3.1/"), ("CVSSv4", "CVSS:4.0/")];

/// One rating of several.
struct Candidate {
    is_of_source: bool,
    /// The index among the methods and 1; 0 for another method.
    method: usize,
    score: Option<f64>,
    rating: Rating,
}

/// Returns the rating by the source of the vulnerability itself, otherwise by any source; of several, that by the newest
/// version of CVSS, and then the one with the highest score. Severity, vector and score are of one rating.
pub(super) fn read(vulnerability: &Object<'_>) -> Option<Rating> {
    let source = vulnerability.object("source").and_then(|source| source.nonblank_text("name"));
    let candidates =
        vulnerability.present_objects("ratings").filter_map(|rating| candidate(&rating, source.as_deref()));
    let best = candidates.reduce(|best, next| if rank(&next) > rank(&best) { next } else { best });
    best.map(|candidate| candidate.rating)
}

/// Only finite scores are read, so that ranks compare.
fn rank(candidate: &Candidate) -> (bool, usize, i64) {
    let hundredths = candidate.score.map_or(-1.0, |score| score * 100.0);
    #[expect(clippy::cast_possible_truncation, reason = "scores are at most 10, and the cast saturates")]
    let hundredths = hundredths as i64;
    (candidate.is_of_source, candidate.method, hundredths)
}

fn candidate(object: &Object<'_>, source: Option<&str>) -> Option<Candidate> {
    let vector = object.nonblank_text("vector").map(|vector| vector.trim().to_owned());
    let method = method(object.text("method").as_deref(), vector.as_deref());
    let score_text = object.number_text("score");
    let number: Option<f64> = score_text.as_deref().and_then(|score| score.parse().ok());
    let score = number.filter(|score| method > 0 && (0.0..=10.0).contains(score));
    if method > 0 && score.is_none() && score_text.is_some() {
        object.repair("score", || "is no score of CVSS, from 0 to 10; left out".to_owned());
    }
    let severity = severity(object).or_else(|| score.map(severity_of_score))?;
    let rating_source = object.object("source").and_then(|source| source.nonblank_text("name"));
    let prefix = method.checked_sub(1).and_then(|index| METHODS.get(index)).map(|(_, prefix)| *prefix);
    let vector = vector.zip(prefix).map(
        |(vector, prefix)| {
            if vector.starts_with("CVSS:") { vector } else { format!("{prefix}{vector}") }
        },
    );
    Some(Candidate {
        is_of_source: source.is_some() && rating_source.as_deref() == source,
        method,
        score,
        rating: Rating {
            severity,
            vector: vector.as_deref().and_then(shorten::title).map(|vector| vector.to_string()),
            score: score.and_then(|number| decimal(score_text.as_deref()?, number)),
        },
    })
}

/// The score as it is written, or without an exponent if it has one.
fn decimal(written: &str, score: f64) -> Option<String> {
    let decimal = Decimal::parse(written).or_else(|_| Decimal::parse(&score.to_string()));
    decimal.ok().map(|decimal| decimal.to_string())
}

/// The index of the method and 1; 0 for another than CVSS.
fn method(method: Option<&str>, vector: Option<&str>) -> usize {
    let by_name = METHODS.iter().position(|(name, _)| method == Some(name));
    let by_vector = || {
        let vector = vector.filter(|_| method.is_none())?;
        METHODS.iter().rposition(|(_, prefix)| !prefix.is_empty() && vector.starts_with(prefix))
    };
    by_name.or_else(by_vector).map_or(0, |index| index + 1)
}

fn severity(rating: &Object<'_>) -> Option<Severity> {
    const WORDS: &[&str] = &["critical", "high", "medium", "low", "info", "none", "unknown"];
    match rating.word("severity", WORDS)? {
        "critical" => Some(Severity::Critical),
        "high" => Some(Severity::High),
        "medium" => Some(Severity::Medium),
        "low" => Some(Severity::Low),
        "info" | "none" => Some(Severity::Info),
        _ => None,
    }
}

/// The severity by the bands of CVSS 3.
fn severity_of_score(score: f64) -> Severity {
    match score {
        score if score >= 9.0 => Severity::Critical,
        score if score >= 7.0 => Severity::High,
        score if score >= 4.0 => Severity::Medium,
        score if score > 0.0 => Severity::Low,
        _ => Severity::Info,
    }
}
