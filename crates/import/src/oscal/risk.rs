//! Risks of assessment results and of plans of action.

use kernel::{Kind, Severity, Timestamp};
use registers::RiskStatus;

use super::{
    members::{Titles, time, titles},
    properties::OwnProperties,
    rating,
    relations::FINDING_SUBJECT,
};
use crate::{
    document::{Document, Element, text},
    document_draft::{DocumentDraft, OnExisting},
    object::Object,
    shorten,
};

/// The part of a risk on which its findings depend.
#[derive(Clone, Copy)]
pub(super) struct RiskSummary {
    pub(super) status: RiskStatus,
    pub(super) severity: Option<Severity>,
    pub(super) deadline: Option<Timestamp>,
}

/// The property of a risk that says what it represents.
pub(super) const REPRESENTS: &str = "represents";

/// The value of [`REPRESENTS`] of a risk that an export has made of a finding. It is no risk of a register.
pub(super) const OF_FINDING: &str = "finding";

/// The property with the key of a risk, which every exported risk has.
pub(super) const RISK_KEY: &str = "risk-key";

/// Reads the part of a risk on which its findings depend.
pub(super) fn summary(risk: &Object<'_>) -> RiskSummary {
    RiskSummary { status: status(risk), severity: rating::severity(risk), deadline: time(risk, "deadline") }
}

/// Adds the risk with this key. `finding` is the key of the finding that names it, which is the subject of a new risk.
pub(super) fn add(
    element: &Element<'_, '_>,
    key: &str,
    summary: RiskSummary,
    finding: Option<&str>,
    document: &mut Document,
) {
    let risk = &element.object;
    let Titles { stated: stated_title, initial: initial_title } = titles(risk, key);
    let description = Some(description(risk)).filter(|description| !description.is_empty());
    let stated = [
        ("riskKey", shorten::key(key).and_then(text)),
        ("title", stated_title.and_then(text)),
        ("description", description.as_deref().and_then(shorten::description).and_then(text)),
    ];
    let [module_key, resource_type] = FINDING_SUBJECT;
    let finding = finding.and_then(shorten::reference);
    let initial = [
        ("title", initial_title.and_then(text)),
        ("status", text(summary.status.name())),
        ("subjectModuleKey", finding.as_ref().and_then(|_| text(module_key))),
        ("subjectResourceType", finding.as_ref().and_then(|_| text(resource_type))),
        ("subjectResourceId", finding.as_ref().and_then(text)),
    ];
    let draft = DocumentDraft::new(Kind::Risk, OnExisting::Complete, stated).with_initial(initial);
    document.add(element.position, OwnProperties::read(risk).completing(RISK_KEY, risk, draft));
}

fn status(risk: &Object<'_>) -> RiskStatus {
    const WORDS: &[&str] =
        &["open", "investigating", "remediating", "deviation-requested", "deviation-approved", "closed"];
    match risk.word("status", WORDS) {
        Some("remediating") => RiskStatus::UnderTreatment,
        // Who requests a deviation has weighed the risk.
        Some("deviation-requested") => RiskStatus::Assessed,
        Some("deviation-approved") => RiskStatus::Accepted,
        Some("closed") => RiskStatus::Closed,
        _ => RiskStatus::Identified,
    }
}

/// The description, the statement, and what is done about the risk.
fn description(risk: &Object<'_>) -> String {
    let mut paragraphs: Vec<String> =
        ["description", "statement"].iter().filter_map(|name| risk.nonblank_text(name)).collect();
    paragraphs.dedup();
    for factor in risk.present_objects("mitigating-factors") {
        paragraphs.extend(factor.nonblank_text("description").map(|text| format!("Mitigating factor: {text}")));
    }
    for response in risk.present_objects("remediations") {
        let lifecycle = response.nonblank_text("lifecycle");
        let words = [response.nonblank_text("title"), response.nonblank_text("description")];
        let words: Vec<String> = words.into_iter().flatten().collect();
        if !words.is_empty() {
            let lifecycle = lifecycle.map(|lifecycle| format!(" ({lifecycle})")).unwrap_or_default();
            paragraphs.push(format!("Response{lifecycle}: {}", words.join(": ")));
        }
    }
    shorten::clean_description(&paragraphs.join("\n\n"))
}
