//! Findings with the risks and observations that they name: the common part of assessment results and plans of
//! action.

use std::collections::{HashMap, hash_map::Entry};

use kernel::{Kind, RecordKey, Severity};
use registers::RiskStatus;

use super::{
    members::{Titles, time, titles},
    properties::OwnProperties,
    relations::{OSCAL_MODULE, OscalSubject, RelatedFinding, Relations, uuid},
    requirement::Requirements,
    risk::{self, OF_FINDING, REPRESENTS, RISK_KEY, RiskSummary},
};
use crate::{
    document::{Document, Element, text},
    document_draft::{DocumentDraft, OnExisting},
    object::Object,
    shorten,
};

/// The property with the key of a finding, which every exported finding has.
const FINDING_KEY: &str = "finding-key";

/// The property with the key of an assessment, which every exported assessment has.
const ASSESSMENT_KEY: &str = "assessment-key";

/// Reads the risks, findings and observations of one document.
pub(super) struct AssessmentReader<'d> {
    pub(super) document: &'d mut Document,
    /// The model, as the type of the findings' source.
    model: &'static str,
    /// The UUID of the document, as the source of its findings.
    source: Option<String>,
    risks: HashMap<String, RiskSummary>,
    pub(super) relations: Relations,
    pub(super) requirements: Requirements,
    /// The records that have been read, by kind and key.
    read: HashMap<(Kind, String), ReadRecord>,
    /// The number of the result that is being read.
    result: usize,
    /// The number of records that a newer result has, too.
    superseded: usize,
}

/// A record that has been read.
struct ReadRecord {
    path: String,
    result: usize,
}

impl<'d> AssessmentReader<'d> {
    pub(super) fn new(document: &'d mut Document, model: &'static str, body: &Object<'_>) -> Self {
        Self {
            document,
            model,
            source: body.nonblank_text("uuid"),
            risks: HashMap::new(),
            relations: Relations::default(),
            requirements: Requirements::default(),
            read: HashMap::new(),
            result: 0,
            superseded: 0,
        }
    }

    /// Continues with the result with this number. A record that one before has, too, is left out: a UUID means the same
    /// thing in every result.
    pub(super) const fn continue_with(&mut self, result: usize) {
        self.result = result;
    }

    /// Adds the risks among the elements.
    pub(super) fn add_risks(&mut self, elements: &[Element<'_, '_>]) {
        for element in elements.iter().filter(|element| element.list == "risks") {
            let risk = &element.object;
            let id = risk.nonblank_text("uuid").map(|id| uuid(&id));
            if OwnProperties::read(risk).get(REPRESENTS) == Some(OF_FINDING) {
                // The newest result comes first.
                if let Some(id) = id {
                    self.risks.entry(id).or_insert_with(|| risk::summary(risk));
                }
            } else if let Some(key) = self.new_key(element, Kind::Risk, key_of(risk, RISK_KEY)) {
                let summary = risk::summary(risk);
                let finding = id.as_deref().and_then(|id| self.relations.finding_of(id));
                risk::add(element, &key, summary, finding, self.document);
                self.risks.insert(id.unwrap_or(key), summary);
            }
        }
    }

    /// Notes a finding that is not imported, so that none of an older result is. Returns whether it is the first.
    pub(super) fn skip(&mut self, finding: &RelatedFinding<'_, '_, '_>) -> bool {
        finding.key.is_none() || self.new_key(finding.element, Kind::Finding, finding.key.clone()).is_some()
    }

    /// Warns of what no record holds, and of the records of older results that newer ones have, too.
    pub(super) fn warn(&mut self) {
        self.warn_of_incomplete_observations();
        for warning in self.relations.warnings() {
            self.document.warn(&warning);
        }
        if self.superseded > 0 {
            self.document.warn(&format!(
                "{} risks, findings and observations of older results are left out: a newer result has them, too",
                self.superseded
            ));
        }
    }

    /// Returns the key of a new record of the kind; `None` if it has none, or there is no room, or a record with the key.
    pub(super) fn new_key(&mut self, element: &Element<'_, '_>, kind: Kind, key: Option<String>) -> Option<String> {
        if !self.document.has_room(element.position) {
            return None;
        }
        let Some(key) = key else {
            let message = format!("{} has neither a UUID nor a title, so it has no key", element.object.path());
            self.document.fail(element.position, None, &message);
            return None;
        };
        self.is_first(element, kind, &key).then_some(key)
    }

    /// Whether the key is that of no earlier record of the kind. That of another result is left out; one of the same result
    /// is a failure.
    fn is_first(&mut self, element: &Element<'_, '_>, kind: Kind, key: &str) -> bool {
        let path = element.object.path();
        match self.read.entry((kind, key.to_owned())) {
            Entry::Vacant(entry) => {
                entry.insert(ReadRecord { path: path.to_owned(), result: self.result });
                return true;
            }
            Entry::Occupied(earlier) if earlier.get().result != self.result => self.superseded += 1,
            Entry::Occupied(earlier) => {
                let message = format!("{path} has the key of {}", earlier.get().path);
                self.document.fail(element.position, Some(key), &message);
            }
        }
        false
    }

    /// Adds a finding, with status, severity and due date from its risks.
    pub(super) fn add_finding(&mut self, related: &RelatedFinding<'_, '_, '_>, subject: Option<&OscalSubject>) {
        let element = related.element;
        let Some(key) = self.new_key(element, Kind::Finding, related.key.clone()) else { return };
        let finding = &element.object;
        let risks = self.related_risks(related);
        let severity = risks.iter().filter_map(|risk| risk.severity).max();
        let own = OwnProperties::read(finding);
        // The deadline of an exported finding is its own, whatever its status.
        let is_exported = own.get(FINDING_KEY).is_some();
        let unsettled = risks.iter().filter(|risk| is_exported || risk.status != RiskStatus::Closed);
        let deadline = unsettled.filter_map(|risk| risk.deadline).min();
        let texts = [finding.nonblank_text("description"), finding.nonblank_text("remarks")];
        let description = texts.into_iter().flatten().collect::<Vec<_>>().join("\n\n");
        let Titles { stated: stated_title, initial: initial_title } = titles(finding, &key);
        let description = (!description.is_empty()).then(|| shorten::clean_description(&description));
        let stated = [
            ("findingKey", shorten::key(&key).and_then(text)),
            ("title", stated_title.and_then(text)),
            ("description", description.as_deref().and_then(shorten::description).and_then(text)),
            ("severity", severity.and_then(|severity| text(severity.name()))),
            ("sourceKind", text("assessment")),
            ("sourceModuleKey", text(OSCAL_MODULE)),
            ("sourceResourceType", text(self.model)),
            ("sourceResourceId", self.source.as_deref().and_then(shorten::reference).and_then(text)),
            ("subjectModuleKey", subject.and_then(|_| text(OSCAL_MODULE))),
            ("subjectResourceType", subject.and_then(|subject| text(&subject.resource_type))),
            ("subjectResourceId", subject.and_then(|subject| text(&subject.resource_id))),
            ("dueAt", deadline.and_then(|time| text(time.to_string()))),
        ];
        let initial = [
            ("title", initial_title.and_then(text)),
            ("severity", text(Severity::Medium.name())),
            ("status", status(&risks).and_then(text)),
        ];
        let draft = DocumentDraft::new(Kind::Finding, OnExisting::Complete, stated).with_initial(initial);
        self.document.add(element.position, own.completing(FINDING_KEY, finding, draft));
    }

    /// Adds the assessment that a result is, if an export has made it of one. Other results are parts of a document that
    /// no record holds.
    pub(super) fn add_assessment(&mut self, element: &Element<'_, '_>) {
        let result = &element.object;
        let own = OwnProperties::read(result);
        let Some(key) = own.get(ASSESSMENT_KEY).filter(|key| RecordKey::parse(key).is_ok()) else { return };
        if !self.document.has_room(element.position) || !self.is_first(element, Kind::Assessment, key) {
            return;
        }
        let description = result.nonblank_text("description");
        let description = description.map(|description| shorten::clean_description(&description));
        let Titles { stated: stated_title, initial: initial_title } = titles(result, key);
        let stated = [
            ("title", stated_title.and_then(text)),
            ("description", description.as_deref().and_then(shorten::description).and_then(text)),
            ("completedAt", time(result, "end").and_then(|time| text(time.to_string()))),
        ];
        let draft = DocumentDraft::new(Kind::Assessment, OnExisting::Complete, stated);
        let draft = draft.with_initial([("title", initial_title.and_then(text))]);
        self.document.add(element.position, own.completing(ASSESSMENT_KEY, result, draft));
    }

    fn related_risks(&self, finding: &RelatedFinding<'_, '_, '_>) -> Vec<RiskSummary> {
        let risk = |(id, relation): &(String, Object<'_>)| {
            let risk = self.risks.get(id).copied();
            if risk.is_none() {
                relation.repair("risk-uuid", || format!("is {id:?}, which is no risk of the file; left out"));
            }
            risk
        };
        finding.risks.iter().filter_map(risk).collect()
    }
}

/// The elements that become findings, of the result with this number, with what they name.
pub(super) fn related<'e, 'n, 'a>(elements: &'e [Element<'n, 'a>], result: usize) -> Vec<RelatedFinding<'e, 'n, 'a>> {
    let findings = elements.iter().filter(|element| matches!(element.list, "findings" | "poam-items"));
    findings.map(|element| RelatedFinding::read(element, result, key_of(&element.object, FINDING_KEY))).collect()
}

/// The key that the object of an export states in the property, otherwise the UUID. The items of plans before OSCAL 1.1 may
/// have none; their key is the title.
pub(super) fn key_of(object: &Object<'_>, property: &str) -> Option<String> {
    let own = OwnProperties::read(object);
    let stated = own.get(property).filter(|key| RecordKey::parse(key).is_ok()).map(str::to_owned);
    stated.or_else(|| object.nonblank_text("uuid").map(|id| uuid(&id))).or_else(|| object.nonblank_text("title"))
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
