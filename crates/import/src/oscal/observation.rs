//! Observations: claims of evidence for the objectives that findings are about.

use kernel::{Kind, RecordKey, Timestamp};
use serde_json::Value;

use super::{
    assessment::{AssessmentReader, key_of},
    members::{Titles, time, titles_of},
    properties::OwnProperties,
    relations::{OSCAL_MODULE, uuid},
    requirement::{GENERAL_REQUIREMENT, REQUIREMENT_KEY, requirement},
};
use crate::{
    document::{Element, text},
    document_draft::{DocumentDraft, OnExisting},
    object::Object,
    position::{LineIndex, SourcePosition},
    shorten,
};

/// The property with the key of a claim, which every exported claim has.
pub(super) const CLAIM_KEY: &str = "claim-key";

/// The members of an observation that no record holds.
const LEFT_OUT: [&str; 2] = ["subjects", "origins"];

impl AssessmentReader<'_> {
    /// Adds the evidence requirements that an export has written to the back matter.
    pub(super) fn add_requirements(&mut self, body: &Object<'_>, lines: &LineIndex<'_>) {
        let Some(back_matter) = body.object("back-matter") else { return };
        for (json, path) in back_matter.elements("resources") {
            let Some(resource) = back_matter.element(json, path) else { continue };
            let own = OwnProperties::read(&resource);
            let Some(key) = own.get(REQUIREMENT_KEY).filter(|key| RecordKey::parse(key).is_ok()) else { continue };
            let position = lines.position_of(json.get());
            self.requirements.exported.extend(resource.nonblank_text("uuid").map(|id| (uuid(&id), key.to_owned())));
            if self.requirements.added.contains(key) || !self.document.has_room(position) {
                continue;
            }
            self.requirements.added.insert(key.to_owned());
            let Titles { stated: stated_title, initial: initial_title } = titles_of(&resource, key);
            let stated = [("title", stated_title.and_then(text)), ("description", description_of(&resource, &[]))];
            let draft = DocumentDraft::new(Kind::EvidenceRequirement, OnExisting::Complete, stated);
            let draft = draft.with_initial([("title", initial_title.and_then(text))]);
            self.document.add(position, own.completing(REQUIREMENT_KEY, &resource, draft));
        }
    }

    /// Adds the claim that an observation is. `default_time` is the time of one that does not state when it was made.
    pub(super) fn add_observation(&mut self, element: &Element<'_, '_>, default_time: Option<Timestamp>) {
        let observation = &element.object;
        let Some(key) = self.new_key(element, Kind::EvidenceClaim, key_of(observation, CLAIM_KEY)) else { return };
        let collected = time(observation, "collected");
        let Some(valid_from) = collected.or(default_time) else {
            let message = format!("{} does not state when it was made (collected)", observation.path());
            self.document.fail(element.position, Some(&key), &message);
            return;
        };
        let valid_until = time(observation, "expires").filter(|expires| {
            let is_later = *expires > valid_from;
            if !is_later {
                observation.repair("expires", || "is not after the time of the observation; left out".to_owned());
            }
            is_later
        });
        let own = OwnProperties::read(observation);
        let is_exported = own.get(CLAIM_KEY).is_some();
        if !is_exported && LEFT_OUT.iter().any(|list| observation.member(list).is_some()) {
            self.requirements.incomplete += 1;
        }
        let Some(requirement) = self.requirement_of(observation, element.position) else { return };
        let evidence = if is_exported { Vec::new() } else { Evidence::read(observation) };
        let reference =
            evidence.iter().find_map(|evidence| evidence.href.as_deref().filter(|href| !href.starts_with('#')));
        let Titles { stated: stated_title, initial: initial_title } = titles_of(observation, &key);
        let (description, note) = if is_exported {
            let note = observation.nonblank_text("remarks").map(|note| shorten::clean_description(&note));
            (description_of(observation, &[]), note.as_deref().and_then(shorten::description).and_then(text))
        } else {
            (described(observation, &evidence), None)
        };
        let stated = [
            ("claimKey", shorten::key(&key).and_then(text)),
            ("title", stated_title.and_then(text)),
            ("description", description),
            ("validFrom", collected.and_then(|time| text(time.to_string()))),
            ("validUntil", valid_until.and_then(|time| text(time.to_string()))),
            ("sourceReference", reference.and_then(shorten::reference).and_then(text)),
            ("reviewNote", note),
        ];
        // People may assign a claim to another requirement.
        let initial = [
            ("title", initial_title.and_then(text)),
            ("validFrom", text(valid_from.to_string())),
            ("evidenceRequirementKey", text(requirement)),
        ];
        let draft = DocumentDraft::new(Kind::EvidenceClaim, OnExisting::Complete, stated).with_initial(initial);
        self.document.add(element.position, own.completing(CLAIM_KEY, observation, draft));
    }

    /// The key of the requirement for which the observation is evidence: that which an export states, otherwise one for the
    /// objective. Adds it, if it is new.
    fn requirement_of(&mut self, observation: &Object<'_>, position: SourcePosition) -> Option<String> {
        let subjects = || observation.present_objects("subjects");
        let linked =
            (!self.requirements.exported.is_empty()).then(subjects).into_iter().flatten().find_map(|subject| {
                self.requirements.exported.get(&uuid(&subject.nonblank_text("subject-uuid")?)).cloned()
            });
        if linked.is_some() {
            return linked;
        }
        let id = observation.nonblank_text("uuid").map(|id| uuid(&id));
        let objective = id.and_then(|id| self.relations.objective_of(&id).cloned());
        let stated = objective.as_ref().map(|objective| format!("{OSCAL_MODULE}:{}", objective.resource_id));
        let key = shorten::key(stated.as_deref().unwrap_or(GENERAL_REQUIREMENT))?.to_string();
        if self.requirements.added.contains(&key) {
            return Some(key);
        }
        if !self.document.has_room(position) {
            return None;
        }
        self.requirements.added.insert(key.clone());
        self.document.add(position, requirement(&key, objective.as_ref()));
        Some(key)
    }

    /// Warns of the parts of observations that no record holds.
    pub(super) fn warn_of_incomplete_observations(&mut self) {
        if self.requirements.incomplete > 0 {
            self.document.warn(&format!(
                "the subjects and origins of {} observations are not imported: no record holds them",
                self.requirements.incomplete
            ));
        }
    }
}

/// A reference of an observation to evidence.
struct Evidence {
    href: Option<String>,
    description: Option<String>,
}

impl Evidence {
    fn read(observation: &Object<'_>) -> Vec<Self> {
        let evidence = observation.present_objects("relevant-evidence");
        evidence
            .map(|evidence| Self {
                href: evidence.nonblank_text("href").map(|href| href.trim().to_owned()),
                description: evidence.nonblank_text("description").map(|description| description.trim().to_owned()),
            })
            .collect()
    }

    fn line(&self) -> Option<String> {
        match (&self.description, &self.href) {
            (Some(description), Some(href)) => Some(format!("Evidence: {description} ({href})")),
            (Some(only), None) | (None, Some(only)) => Some(format!("Evidence: {only}")),
            (None, None) => None,
        }
    }
}

/// The description with remarks, methods and evidence, a paragraph each.
fn described(observation: &Object<'_>, evidence: &[Evidence]) -> Option<Value> {
    let methods: Vec<String> = observation.texts_of_list("methods");
    let methods: Vec<&str> =
        methods.iter().map(|method| method.trim()).filter(|method| !matches!(*method, "" | "UNKNOWN")).collect();
    let methods = (!methods.is_empty()).then(|| format!("Methods: {}", methods.join(", ")));
    let remarks = observation.nonblank_text("remarks");
    let further = remarks.into_iter().chain(methods).chain(evidence.iter().filter_map(Evidence::line));
    description_of(observation, &further.collect::<Vec<_>>())
}

/// The description, and further paragraphs.
fn description_of(object: &Object<'_>, further: &[String]) -> Option<Value> {
    let paragraphs: Vec<String> =
        object.nonblank_text("description").into_iter().chain(further.iter().cloned()).collect();
    let description = Some(shorten::clean_description(&paragraphs.join("\n\n"))).filter(|text| !text.is_empty());
    description.as_deref().and_then(shorten::description).and_then(text)
}
