//! Findings with the risks and observations that they refer to: the common part of assessment results and plans of
//! action.

use std::collections::{HashMap, hash_map::Entry};

use kernel::{Kind, RecordKey, Severity};
use registers::RiskStatus;

use super::{
    members::{Titles, time, titles},
    properties::OwnProperties,
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

/// Reads the risks and findings of one document.
pub(super) struct AssessmentReader<'d> {
    pub(super) document: &'d mut Document,
    /// The model, as the type of the findings' source.
    pub(super) model: &'static str,
    /// The UUID of the document, as the source of its findings.
    pub(super) source: Option<String>,
    risks: HashMap<String, RiskSummary>,
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

/// The subject of a finding.
pub(super) struct FindingSubject {
    pub(super) resource_type: String,
    pub(super) resource_id: String,
}

impl<'d> AssessmentReader<'d> {
    pub(super) fn new(document: &'d mut Document, model: &'static str, body: &Object<'_>) -> Self {
        let source = body.nonblank_text("uuid");
        Self { document, model, source, risks: HashMap::new(), read: HashMap::new(), result: 0, superseded: 0 }
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
            let uuid = risk.nonblank_text("uuid");
            if OwnProperties::read(risk).get(REPRESENTS) == Some(OF_FINDING) {
                // The newest result comes first.
                if let Some(uuid) = uuid {
                    self.risks.entry(uuid).or_insert_with(|| risk::summary(risk));
                }
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

    /// Notes a record that is not imported, so that none of an older result is. Returns whether it is the first.
    pub(super) fn skip(&mut self, element: &Element<'_, '_>, kind: Kind) -> bool {
        key(&element.object).is_none() || self.new_key(element, kind).is_some()
    }

    /// Warns of the records of older results that newer ones have, too.
    pub(super) fn warn_of_superseded(&mut self) {
        if self.superseded > 0 {
            self.document.warn(&format!(
                "{} risks and findings of older results are left out: a newer result has them, too",
                self.superseded
            ));
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
    pub(super) fn add_finding(&mut self, element: &Element<'_, '_>, subject: Option<FindingSubject>) {
        let Some(key) = self.new_key(element, Kind::Finding) else { return };
        let finding = &element.object;
        let risks = self.related_risks(finding);
        let severity = risks.iter().filter_map(|risk| risk.severity).max();
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
        let Titles { stated: stated_title, initial: initial_title } = titles(finding, &key);
        let description = (!description.is_empty()).then(|| shorten::clean_description(&description));
        let stated = [
            ("findingKey", shorten::key(&key).and_then(text)),
            ("title", stated_title.and_then(text)),
            ("description", description.as_deref().and_then(shorten::description).and_then(text)),
            ("severity", severity.and_then(|severity| text(severity.name()))),
            ("sourceKind", text("assessment")),
            ("sourceModuleKey", text("oscal")),
            ("sourceResourceType", text(self.model)),
            ("sourceResourceId", self.source.as_deref().and_then(shorten::reference).and_then(text)),
            ("subjectModuleKey", subject_type.as_ref().and_then(|_| text("oscal"))),
            ("subjectResourceType", subject_type.and_then(text)),
            ("subjectResourceId", subject_id.and_then(text)),
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
