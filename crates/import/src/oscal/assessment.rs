//! Findings with the risks and observations that they refer to: the common part of assessment results and plans of
//! action.

use std::collections::HashMap;

use kernel::{Kind, RecordKey, Severity};
use registers::RiskStatus;

use super::{
    members::{time, title},
    properties::OwnProperties,
    risk::{self, OF_FINDING, REPRESENTS, RISK_KEY, RiskSummary},
};
use crate::{
    document::{Document, Element, text},
    object::Object,
    shorten,
};

/// The property with the key of a finding, which every exported finding has.
const FINDING_KEY: &str = "finding-key";

/// The property with the key of an assessment, which every exported assessment has.
const ASSESSMENT_KEY: &str = "assessment-key";

/// Reads the risks and findings of one document.
pub(super) struct AssessmentReader<'d> {
    pub(super) document: &'d mut Document,
    /// The model, as the type of the findings' source.
    pub(super) model: &'static str,
    /// The UUID of the document, as the source of its findings.
    pub(super) source: Option<String>,
    risks: HashMap<String, RiskSummary>,
    /// The paths of the records that have been read, by kind and key.
    paths: HashMap<(Kind, String), String>,
}

/// The subject of a finding.
pub(super) struct FindingSubject {
    pub(super) resource_type: String,
    pub(super) resource_id: String,
}

impl<'d> AssessmentReader<'d> {
    pub(super) fn new(document: &'d mut Document, model: &'static str, body: &Object<'_>) -> Self {
        let source = body.nonblank_text("uuid");
        Self { document, model, source, risks: HashMap::new(), paths: HashMap::new() }
    }

    /// Adds the risks among the elements.
    pub(super) fn add_risks(&mut self, elements: &[Element<'_, '_>]) {
        for element in elements.iter().filter(|element| element.list == "risks") {
            let risk = &element.object;
            let uuid = risk.nonblank_text("uuid");
            if OwnProperties::read(risk).get(REPRESENTS) == Some(OF_FINDING) {
                self.risks.extend(uuid.map(|uuid| (uuid, risk::summary(risk))));
            } else if let Some(key) = self.new_key(element, Kind::Risk) {
                let summary = risk::summary(risk);
                risk::add(element, &key, summary, self.document);
                self.risks.insert(uuid.map_or(key, |uuid| uuid.trim().to_owned()), summary);
            }
        }
    }

    /// Warns of the observations, which no record holds.
    pub(super) fn warn_of_observations(&mut self, count: usize) {
        if count > 0 {
            self.document.warn(&format!("{count} observations are not imported: no record holds them"));
        }
    }

    /// Returns the key of a new record of the kind; `None` if there is no room, or a record with the key.
    fn new_key(&mut self, element: &Element<'_, '_>, kind: Kind) -> Option<String> {
        if !self.document.has_room(element.position) {
            return None;
        }
        let path = element.object.path();
        let property = if kind == Kind::Risk { RISK_KEY } else { FINDING_KEY };
        let own = OwnProperties::read(&element.object);
        let stated = own.get(property).filter(|key| RecordKey::parse(key).is_ok()).map(str::to_owned);
        let Some(key) = stated.or_else(|| key(&element.object)) else {
            let message = format!("{path} has neither a UUID nor a title, so it has no key");
            self.document.fail(element.position, None, &message);
            return None;
        };
        let earlier = self.paths.insert((kind, key.clone()), path.to_owned());
        if let Some(earlier) = earlier {
            self.document.fail(element.position, Some(&key), &format!("{path} has the key of {earlier}"));
            self.paths.insert((kind, key), earlier);
            return None;
        }
        Some(key)
    }

    /// Adds a finding, with status, severity and due date from its risks.
    pub(super) fn add_finding(&mut self, element: &Element<'_, '_>, subject: Option<FindingSubject>) {
        let Some(key) = self.new_key(element, Kind::Finding) else { return };
        let finding = &element.object;
        let risks = self.related_risks(finding);
        let severity = risks.iter().filter_map(|risk| risk.severity).max().unwrap_or(Severity::Medium);
        let own = OwnProperties::read(finding);
        // The deadline of an exported finding is its own, whatever its status.
        let is_exported = own.get(FINDING_KEY).is_some();
        let unsettled = risks.iter().filter(|risk| is_exported || risk.status != RiskStatus::Closed);
        let deadline = unsettled.filter_map(|risk| risk.deadline).min();
        let texts = [finding.nonblank_text("description"), finding.nonblank_text("remarks")];
        let description = texts.into_iter().flatten().collect::<Vec<_>>().join("\n\n");
        let subject = subject.and_then(|subject| {
            Some((shorten::reference(&subject.resource_type)?, shorten::reference(&subject.resource_id)?))
        });
        let (subject_type, subject_id) = subject.unzip();
        self.document.add(
            element.position,
            Kind::Finding,
            [
                ("findingKey", shorten::key(&key).and_then(text)),
                ("title", title(finding, &key).and_then(text)),
                ("description", shorten::description(&shorten::clean_description(&description)).and_then(text)),
                ("severity", text(severity.name())),
                ("status", status(&risks).and_then(text)),
                ("sourceKind", text("assessment")),
                ("sourceModuleKey", text("oscal")),
                ("sourceResourceType", text(self.model)),
                ("sourceResourceId", self.source.as_deref().and_then(shorten::reference).and_then(text)),
                ("subjectModuleKey", subject_type.as_ref().and_then(|_| text("oscal"))),
                ("subjectResourceType", subject_type.and_then(text)),
                ("subjectResourceId", subject_id.and_then(text)),
                ("dueAt", deadline.and_then(|time| text(time.to_string()))),
            ],
        );
        if let Some(fields) = self.document.last_fields() {
            own.replace(FINDING_KEY, Kind::Finding, finding, fields);
        }
    }

    /// Adds the assessment that a result is, if an export has made it of one. Other results are parts of a document that
    /// no record holds.
    pub(super) fn add_assessment(&mut self, element: &Element<'_, '_>) {
        let result = &element.object;
        let own = OwnProperties::read(result);
        let Some(key) = own.get(ASSESSMENT_KEY).filter(|key| RecordKey::parse(key).is_ok()) else { return };
        if !self.document.has_room(element.position) {
            return;
        }
        let path = result.path().to_owned();
        if let Some(earlier) = self.paths.insert((Kind::Assessment, key.to_owned()), path.clone()) {
            self.document.fail(element.position, Some(key), &format!("{path} has the key of {earlier}"));
            return;
        }
        let description = result.nonblank_text("description").unwrap_or_default();
        self.document.add(
            element.position,
            Kind::Assessment,
            [
                ("title", title(result, key).and_then(text)),
                ("description", shorten::description(&shorten::clean_description(&description)).and_then(text)),
                ("completedAt", time(result, "end").and_then(|time| text(time.to_string()))),
            ],
        );
        if let Some(fields) = self.document.last_fields() {
            own.replace(ASSESSMENT_KEY, Kind::Assessment, result, fields);
        }
    }

    fn related_risks(&self, finding: &Object<'_>) -> Vec<RiskSummary> {
        let risk = |relation: Object<'_>| {
            let uuid = relation.nonblank_text("risk-uuid")?;
            let risk = self.risks.get(&uuid).copied();
            if risk.is_none() {
                relation.repair("risk-uuid", || format!("is {uuid:?}, which is no risk of the file; left out"));
            }
            risk
        };
        finding.present_objects("related-risks").filter_map(risk).collect()
    }
}

/// The key of a risk or finding: its UUID. The items of plans before OSCAL 1.1 may have none; their key is the title.
fn key(object: &Object<'_>) -> Option<String> {
    object.nonblank_text("uuid").map(|uuid| uuid.trim().to_owned()).or_else(|| object.nonblank_text("title"))
}

/// The status of a new finding, from its risks; open without one.
fn status(risks: &[RiskSummary]) -> Option<&'static str> {
    let all = |statuses: &[RiskStatus]| !risks.is_empty() && risks.iter().all(|risk| statuses.contains(&risk.status));
    if all(&[RiskStatus::Closed]) {
        Some("closed")
    } else if all(&[RiskStatus::Closed, RiskStatus::Accepted]) {
        Some("accepted")
    } else if risks.iter().any(|risk| risk.status == RiskStatus::UnderTreatment) {
        Some("remediating")
    } else {
        None
    }
}
