//! The relations of findings to risks, observations and objectives. Records hold them in their subjects: that of a risk is
//! the finding that names it, and that of an evidence requirement is the objective that a finding is about.

use std::collections::{HashMap, HashSet};

use crate::{document::Element, object::Object, shorten};

/// The module and the type of the subject of a risk that a finding names.
pub(super) const FINDING_SUBJECT: [&str; 2] = ["findings", "finding"];

/// The module of subjects that are in no register.
pub(super) const OSCAL_MODULE: &str = "oscal";

/// The subject of a finding or of a requirement, in the module `oscal`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct OscalSubject {
    pub(super) resource_type: String,
    pub(super) resource_id: String,
}

impl OscalSubject {
    /// The subject, as far as a record can have it.
    pub(super) fn new(resource_type: &str, resource_id: &str) -> Option<Self> {
        let [resource_type, resource_id] = [resource_type, resource_id].map(shorten::reference);
        Some(Self { resource_type: resource_type?.to_string(), resource_id: resource_id?.to_string() })
    }
}

/// An object that becomes a finding, with what it names.
pub(super) struct RelatedFinding<'e, 'n, 'a> {
    pub(super) element: &'e Element<'n, 'a>,
    /// The number of the result that it is in.
    pub(super) result: usize,
    /// The key of its record; `None` if it has none.
    pub(super) key: Option<String>,
    /// The objective that it is about.
    pub(super) objective: Option<OscalSubject>,
    /// Whether the objective is satisfied.
    pub(super) is_satisfied: bool,
    /// The risks that it names, with their relations.
    pub(super) risks: Vec<(String, Object<'a>)>,
    observations: Vec<String>,
}

impl<'e, 'n, 'a> RelatedFinding<'e, 'n, 'a> {
    /// Reads what the element names.
    pub(super) fn read(element: &'e Element<'n, 'a>, result: usize, key: Option<String>) -> Self {
        let finding = &element.object;
        let target = finding.object("target");
        let objective = target.as_ref().and_then(|target| {
            let resource_type = target.nonblank_text("type").unwrap_or_else(|| "objective-id".to_owned());
            OscalSubject::new(&resource_type, &target.nonblank_text("target-id")?)
        });
        let named = |list: &str, member: &str| -> Vec<(String, Object<'a>)> {
            let relations = finding.present_objects(list);
            relations.filter_map(|relation| Some((uuid(&relation.nonblank_text(member)?), relation))).collect()
        };
        Self {
            element,
            result,
            key,
            objective,
            is_satisfied: target.is_some_and(|target| is_satisfied(&target)),
            risks: named("related-risks", "risk-uuid"),
            observations: named("related-observations", "observation-uuid").into_iter().map(|(uuid, _)| uuid).collect(),
        }
    }
}

/// The UUID as references are compared.
pub(super) fn uuid(text: &str) -> String {
    text.trim().to_owned()
}

fn is_satisfied(target: &Object<'_>) -> bool {
    let state = target.object("status").and_then(|status| status.word("state", &["satisfied", "not-satisfied"]));
    state == Some("satisfied")
}

/// The relations of all findings of a document.
#[derive(Default)]
pub(super) struct Relations {
    /// The keys of findings by the risks that they name.
    findings: HashMap<String, String>,
    /// The objectives of findings by the observations that they name.
    objectives: HashMap<String, OscalSubject>,
    /// The results of the findings whose relations have been added.
    results: HashMap<String, usize>,
    /// The number of relations to risks that no subject holds.
    further_risks: usize,
    /// The number of relations to observations that no subject holds.
    further_observations: usize,
}

impl Relations {
    /// Adds the relations of a finding, unless a newer result has it, too. `key` is that of its record, and `subject` the
    /// subject.
    pub(super) fn add(&mut self, finding: &RelatedFinding<'_, '_, '_>, key: &str, subject: Option<&OscalSubject>) {
        let result = *self.results.entry(key.to_owned()).or_insert(finding.result);
        if result != finding.result {
            return;
        }
        let mut named = HashSet::new();
        for (risk, _) in finding.risks.iter().filter(|(risk, _)| !finding.is_satisfied && named.insert(risk.clone())) {
            let holder = self.findings.entry(risk.clone()).or_insert_with(|| key.to_owned());
            self.further_risks += usize::from(holder != key);
        }
        for observation in &finding.observations {
            let held = finding.objective.as_ref().map(|objective| {
                self.objectives.entry(observation.clone()).or_insert_with(|| objective.clone()) == objective
            });
            let is_held = held == Some(true) && (finding.is_satisfied || subject == finding.objective.as_ref());
            self.further_observations += usize::from(!is_held);
        }
    }

    /// The key of the finding that is the subject of the risk.
    pub(super) fn finding_of(&self, risk: &str) -> Option<&str> {
        self.findings.get(risk).map(String::as_str)
    }

    /// The objective for which the observation is evidence.
    pub(super) fn objective_of(&self, observation: &str) -> Option<&OscalSubject> {
        self.objectives.get(observation)
    }

    /// The warnings about relations that no record holds.
    pub(super) fn warnings(&self) -> Vec<String> {
        let warnings = [
            (
                self.further_risks,
                "relations of findings to risks are not kept: the subject of a risk is one finding, the first that names it",
            ),
            (
                self.further_observations,
                "relations of findings to observations are not kept: an observation is evidence for one objective, that of \
                 the first finding that names it",
            ),
        ];
        let counted = warnings.into_iter().filter(|(count, _)| *count > 0);
        counted.map(|(count, message)| format!("{count} {message}")).collect()
    }
}
