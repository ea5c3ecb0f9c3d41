//! The severity of a risk, from the facets of its characterizations.

use kernel::Severity;

use crate::object::Object;

/// Facets that state the level of the risk itself, in order of preference.
const LEVEL_FACETS: &[&str] = &["severity", "risk", "risk-level", "residual-risk"];

/// Returns the severity. Of several facets with one name, the last counts: a characterization that follows another
/// replaces it.
pub(super) fn severity(risk: &Object<'_>) -> Option<Severity> {
    let facets: Vec<(String, usize)> = risk
        .present_objects("characterizations")
        .flat_map(|characterization| characterization.present_objects("facets").collect::<Vec<_>>())
        .filter_map(|facet| Some((facet.text("name")?.to_lowercase(), level(&facet.text("value")?)?)))
        .collect();
    let facet = |name: &str| facets.iter().rev().find(|(facet, _)| facet == name).map(|(_, level)| *level);
    let stated = LEVEL_FACETS.iter().find_map(|name| facet(name));
    let level = stated.or_else(|| match (facet("likelihood"), facet("impact")) {
        (Some(likelihood), Some(impact)) => LEVEL_OF_RISK.get(likelihood)?.get(impact).copied(),
        (_, impact) => impact,
    });
    Severity::ALL.get(level?).copied()
}

/// The level of risk by likelihood and impact, each from very low to very high (NIST SP 800-30 Rev. 1, table I-2).
const LEVEL_OF_RISK: [[usize; 5]; 5] =
    [[0, 0, 0, 1, 1], [0, 1, 1, 1, 2], [0, 1, 2, 2, 3], [0, 1, 2, 3, 4], [0, 1, 2, 3, 4]];

/// The level in words, from 0 for very low to 4 for very high.
fn level(value: &str) -> Option<usize> {
    let word = value.trim().to_lowercase().replace(['_', ' '], "-");
    match word.as_str() {
        "very-low" | "informational" | "info" | "none" => Some(0),
        "low" => Some(1),
        "moderate" | "medium" => Some(2),
        "high" => Some(3),
        "very-high" | "critical" => Some(4),
        _ => None,
    }
}
