//! Assessments with their findings, the risks of these, and the evidence, as assessment results.

use std::{
    collections::{HashMap, HashSet},
    io::Write,
};

use findings::{Finding, SourceKind};
use import::{
    MAX_DOCUMENT_RECORDS,
    oscal::export::{
        FindingElements, Losses, MadeUp, Related, observation_element, observation_uuid, other_findings_element,
        requirement_element, requirement_uuid, result_element, risk_element,
    },
};
use kernel::{Filter, HasIdPrefix, Id, IdText, Kind, Reader, SubjectGroup, Timestamp, VersionedSubjectGroup};
use registers::{Assessment, Control, EvidenceClaim, EvidenceRequirement, FrameworkNode, Risk};

use super::{OscalExporter, RESOURCE, RESULT, add, linked_risks::LinkedRisks};
use crate::{failure::Failure, operations::external_sort::ExternalSort};

/// The maximum number of observations to which a finding is related.
const MAX_RELATED_OBSERVATIONS: usize = 1000;

/// The records of assessment results while they are read.
#[derive(Default)]
struct Results {
    /// The key of the only assessment that is written.
    chosen: Option<String>,
    lines: Option<ExternalSort>,
    /// The keys of the assessments by the references that records may have to them.
    keys: HashMap<String, String>,
    requirements: HashMap<Id<EvidenceRequirement>, Requirement>,
    /// The observations by the objectives that they are about.
    observations: HashMap<String, Vec<String>>,
    claims: usize,
    /// The risks that belong to findings of the document.
    written_risks: HashSet<Id<Risk>>,
    /// The time of the oldest record of no assessment.
    oldest: Option<Timestamp>,
    is_empty: bool,
}

/// An evidence requirement whose claims are written.
struct Requirement {
    uuid: String,
    /// The key of the assessment that it is about.
    assessment: Option<String>,
    objective: Option<String>,
}

impl Results {
    /// Adds the line of an object to the result of the assessment, or of what belongs to none.
    fn add(
        &mut self,
        assessment: Option<&str>,
        path: [&str; 2],
        list: u8,
        json: &serde_json::Value,
    ) -> Result<(), Failure> {
        let result = match assessment {
            Some(assessment) => ["assessment", assessment],
            None => ["others", ""],
        };
        let lines = self.lines.get_or_insert_with(ExternalSort::new);
        add(lines, &[&result[..], &path].concat(), list, json)
    }

    /// Notes a record that belongs to no assessment. Returns whether it is written.
    fn note_other(&mut self, created_at: Timestamp) -> bool {
        if self.chosen.is_some() {
            return false;
        }
        self.oldest = Some(self.oldest.map_or(created_at, |oldest| oldest.min(created_at)));
        true
    }

    fn check_count(count: usize, what: &str) -> Result<(), Failure> {
        if count <= MAX_DOCUMENT_RECORDS {
            return Ok(());
        }
        Err(Failure::new(format!(
            "the workspace has more than {MAX_DOCUMENT_RECORDS} {what}, which no import of assessment results takes; add \
             --assessment KEY"
        )))
    }
}

impl OscalExporter<'_> {
    /// Writes the assessment with this key, or all assessments, with their findings and the evidence. Returns what is lost.
    ///
    /// # Errors
    /// If there is no such assessment, or nothing to write, the store fails, a temporary file or `out` can't be written.
    pub(crate) async fn assessment_results(
        mut self,
        assessment: Option<&str>,
        out: &mut impl Write,
    ) -> Result<Losses, Failure> {
        let mut results = Results { chosen: assessment.map(str::to_owned), is_empty: true, ..Results::default() };
        self.add_assessments(&mut results).await?;
        if let Some(chosen) = assessment.filter(|_| results.is_empty) {
            return Err(Failure::new(format!(
                "there is no assessment {chosen:?}; list them with `novantra export --workspace {} --kind assessment`",
                self.workspace.record.slug
            )));
        }
        self.add_requirements(&mut results).await?;
        self.add_claims(&mut results).await?;
        self.add_findings(&mut results).await?;
        if let Some(oldest) = results.oldest {
            let element = other_findings_element(self.workspace, oldest, &mut self.losses);
            results.add(None, ["1", ""], RESULT, &element)?;
        }
        if results.is_empty {
            return Err(self.empty("assessments", "assessment results have at least one"));
        }
        if assessment.is_none() {
            self.for_each(&Filter::<Risk>::default(), |exporter, stored| {
                if !results.written_risks.contains(&stored.meta.id) {
                    exporter.losses.add_left_out(Kind::Risk);
                }
                Ok(())
            })
            .await?;
        }
        let mut lines = results.lines.unwrap_or_else(ExternalSort::new);
        self.losses.add_made_up(MadeUp::AssessmentPlan);
        add(&mut lines, &["resources", ""], RESOURCE, &self.head().plan_element())?;
        self.write(lines, out)?;
        Ok(self.losses)
    }

    async fn add_assessments(&mut self, results: &mut Results) -> Result<(), Failure> {
        let mut assessments = Vec::new();
        self.for_each(&Filter::<Assessment>::default(), |_, stored| {
            if results.chosen.as_ref().is_none_or(|chosen| stored.record.key.as_str() == chosen) {
                assessments.push(stored);
            }
            Results::check_count(assessments.len(), "assessments")
        })
        .await?;
        for stored in assessments {
            results.is_empty = false;
            self.note_change(&stored);
            let key = stored.record.key.to_string();
            let control = self.reviewed_control(stored.record.subject.as_ref()).await?;
            let element = result_element(&stored, control.as_deref(), &mut self.losses);
            results.add(Some(&key), ["1", ""], RESULT, &element)?;
            results.keys.insert(stored.meta.id.to_string(), key.clone());
            results.keys.insert(key.clone(), key);
        }
        Ok(())
    }

    /// The key of the control or the node that is the subject of an assessment; of a control that is about a node, the node's.
    async fn reviewed_control(&self, subject: Option<&VersionedSubjectGroup>) -> Result<Option<String>, Failure> {
        let Some(SubjectGroup { resource_type, resource_id, .. }) = subject.map(|subject| &subject.group) else {
            return Ok(None);
        };
        let reference = resource_id.as_str();
        match resource_type.as_str() {
            "framework-node" => self.node_key(reference).await.map(Some),
            "control" => {
                let organization = self.workspace.meta.id;
                let control = if let Some(id) = identifier::<Control>(reference) {
                    Reader::<Control>::get(self.store, organization, id).await?
                } else {
                    Reader::<Control>::get_by_keys(self.store, organization, &[reference]).await?.into_iter().next()
                };
                let Some(control) = control else { return Ok(Some(reference.to_owned())) };
                match control.record.subject.as_ref().map(|subject| &subject.group) {
                    Some(node) if node.resource_type.as_str() == "framework-node" => {
                        self.node_key(node.resource_id.as_str()).await.map(Some)
                    }
                    _ => Ok(Some(control.record.key.to_string())),
                }
            }
            _ => Ok(None),
        }
    }

    /// The key of the node with this identifier; a reference that is none is the key.
    async fn node_key(&self, reference: &str) -> Result<String, Failure> {
        let Some(id) = identifier::<FrameworkNode>(reference) else { return Ok(reference.to_owned()) };
        let node = Reader::<FrameworkNode>::get(self.store, self.workspace.meta.id, id).await?;
        Ok(node.map_or_else(|| reference.to_owned(), |node| node.record.key.to_string()))
    }

    async fn add_requirements(&mut self, results: &mut Results) -> Result<(), Failure> {
        self.for_each(&Filter::<EvidenceRequirement>::default(), |exporter, stored| {
            let subject = stored.record.subject.as_ref();
            let assessment = subject
                .filter(|subject| subject.resource_type.as_str() == "assessment")
                .and_then(|subject| results.keys.get(subject.resource_id.as_str()))
                .cloned();
            if assessment.is_none() && results.chosen.is_some() {
                return Ok(());
            }
            exporter.note_change(&stored);
            let uuid = requirement_uuid(&stored);
            let element = requirement_element(&stored, &mut exporter.losses);
            let lines = results.lines.get_or_insert_with(ExternalSort::new);
            add(lines, &["resources", "requirement", stored.record.key.as_str()], RESOURCE, &element)?;
            let requirement = Requirement { uuid, assessment, objective: subject.and_then(objective) };
            results.requirements.insert(stored.meta.id, requirement);
            Results::check_count(results.requirements.len(), "evidence requirements")
        })
        .await
    }

    async fn add_claims(&mut self, results: &mut Results) -> Result<(), Failure> {
        self.for_each(&Filter::<EvidenceClaim>::default(), |exporter, stored| {
            let Some(requirement) = results.requirements.get(&stored.record.evidence_requirement_id) else {
                return Ok(());
            };
            let (assessment, objective) = (requirement.assessment.clone(), requirement.objective.clone());
            let element = observation_element(&stored, &requirement.uuid, &mut exporter.losses);
            if assessment.is_none() {
                results.note_other(stored.meta.created_at);
            }
            results.is_empty = false;
            results.claims += 1;
            exporter.note_change(&stored);
            results.add(assessment.as_deref(), ["2", stored.record.key.as_str()], b'o', &element)?;
            if let Some(objective) = objective {
                let observations = results.observations.entry(objective).or_default();
                if observations.len() < MAX_RELATED_OBSERVATIONS {
                    observations.push(observation_uuid(&stored));
                }
            }
            Results::check_count(results.claims, "evidence claims")
        })
        .await
    }

    async fn add_findings(&mut self, results: &mut Results) -> Result<(), Failure> {
        let mut linked = LinkedRisks::default();
        self.for_each(&Filter::<Risk>::default(), |_, stored| linked.add(&stored)).await?;
        let mut risks = Vec::new();
        let filter = Filter::<Finding>::default().with("source_kind", [SourceKind::Assessment]);
        self.for_each(&filter, |exporter, stored| {
            let source =
                stored.record.source.resource_id.as_ref().and_then(|id| results.keys.get(id.as_str())).cloned();
            if source.is_none() && !results.note_other(stored.meta.created_at) {
                return Ok(());
            }
            results.is_empty = false;
            exporter.note_change(&stored);
            let observations = stored.record.subject.as_ref().and_then(objective);
            let observations = observations.and_then(|objective| results.observations.get(&objective).cloned());
            let related = Related { risks: linked.uuids_of(&stored), observations: observations.unwrap_or_default() };
            let FindingElements { risk, finding } = exporter.finding(&stored, &related);
            let key = stored.record.key.as_str();
            results.add(source.as_deref(), ["3", key], b'r', &risk)?;
            results.add(source.as_deref(), ["4", key], b'f', &finding)?;
            risks.extend(linked.of(&stored).map(|risk| (risk.id, source.clone())));
            Ok(())
        })
        .await?;
        for (id, assessment) in risks {
            let Some(stored) = Reader::<Risk>::get(self.store, self.workspace.meta.id, id).await? else { continue };
            if results.written_risks.insert(id) {
                self.note_change(&stored);
                let element = risk_element(&stored, &mut self.losses);
                results.add(assessment.as_deref(), ["3", stored.record.key.as_str()], b'r', &element)?;
            }
        }
        Ok(())
    }
}

/// The objective of OSCAL that a finding or a requirement is about.
fn objective(subject: &SubjectGroup) -> Option<String> {
    let SubjectGroup { module_key, resource_type, resource_id } = subject;
    (module_key.as_str() == "oscal").then(|| format!("{resource_type}\0{resource_id}"))
}

/// The identifier that the text is.
fn identifier<R: HasIdPrefix>(text: &str) -> Option<Id<R>> {
    IdText::parse(R::PREFIX, text).ok().map(|id| Id::new(id.1))
}
