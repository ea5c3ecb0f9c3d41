//! The rules by which OSCAL carries fields: exports, imports of exported files, the report of what is lost, and the table in
//! the guide read these rules.

use kernel::Kind;

use crate::{field_name::field_name, kinds::RecordKind};

/// A model of OSCAL that is exported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportModel {
    /// One version of a framework.
    Catalog,
    /// The findings and risks.
    PlanOfAction,
    /// The assessments with their findings.
    AssessmentResults,
}

/// The carrier of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carrier {
    /// A member of the model, or a property that OSCAL itself defines.
    Member(&'static str),
    /// A property in Novantra's namespace, which other programs keep but do not understand.
    Property(&'static str),
    /// Nothing: the field is lost.
    Nothing,
}

/// The rule of a field of a kind of records.
#[derive(Clone, Copy, Debug)]
pub struct FieldRule {
    /// The name of the field in the API.
    pub field: &'static str,
    /// The carrier.
    pub carrier: Carrier,
    /// The part that is lost: of every value, if nothing carries it, otherwise of values as described.
    pub loss: Option<&'static str>,
}

/// The rules of a model for a kind of records.
#[derive(Clone, Copy, Debug)]
pub struct KindRules {
    /// The kind.
    pub kind: Kind,
    /// The rules of its fields; none if all records are left out.
    pub fields: &'static [FieldRule],
    /// Which records are left out, and why.
    pub left_out: Option<&'static str>,
}

impl ExportModel {
    /// All models.
    pub const ALL: [Self; 3] = [Self::Catalog, Self::PlanOfAction, Self::AssessmentResults];

    /// The name of the format on the command line.
    #[must_use]
    pub const fn format(self) -> &'static str {
        match self {
            Self::Catalog => "oscal-catalog",
            Self::PlanOfAction => "oscal-poam",
            Self::AssessmentResults => "oscal-assessment-results",
        }
    }

    /// The name of the model in files.
    #[must_use]
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Catalog => "catalog",
            Self::PlanOfAction => "plan-of-action-and-milestones",
            Self::AssessmentResults => "assessment-results",
        }
    }

    /// The kinds of records that the model carries, or that belong to it and are left out.
    #[must_use]
    pub const fn kinds(self) -> &'static [KindRules] {
        match self {
            Self::Catalog => CATALOG,
            Self::PlanOfAction => PLAN_OF_ACTION,
            Self::AssessmentResults => ASSESSMENT_RESULTS,
        }
    }
}

const fn member(field: &'static str, member: &'static str) -> FieldRule {
    FieldRule { field, carrier: Carrier::Member(member), loss: None }
}

const fn property(field: &'static str, name: &'static str) -> FieldRule {
    FieldRule { field, carrier: Carrier::Property(name), loss: None }
}

/// A line of any text.
const fn text(field: &'static str, name: &'static str) -> FieldRule {
    property(field, name).but(BLANKS)
}

const fn title(field: &'static str, name: &'static str) -> FieldRule {
    member(field, name).but(BLANKS)
}

const fn description(name: &'static str) -> FieldRule {
    member("description", name).but("a text of blanks")
}

const fn lost(field: &'static str, loss: &'static str) -> FieldRule {
    FieldRule { field, carrier: Carrier::Nothing, loss: Some(loss) }
}

impl FieldRule {
    const fn but(self, loss: &'static str) -> Self {
        Self { loss: Some(loss), ..self }
    }
}

const fn carried(kind: Kind, fields: &'static [FieldRule]) -> KindRules {
    KindRules { kind, fields, left_out: None }
}

const fn left_out(kind: Kind, reason: &'static str) -> KindRules {
    KindRules { kind, fields: &[], left_out: Some(reason) }
}

const BLANKS: &str = "blanks at the beginning and the end";
const MARKUP: &str = "links, of which only the text is read, and blanks at the beginning and the end";

const CATALOG: &[KindRules] = &[
    carried(Kind::Framework, FRAMEWORK),
    carried(Kind::FrameworkVersion, FRAMEWORK_VERSION),
    carried(Kind::FrameworkNode, FRAMEWORK_NODE),
    left_out(Kind::CoverageLink, "a catalog states requirements, not who meets them"),
];

const PLAN_OF_ACTION: &[KindRules] = &[
    carried(Kind::Risk, RISK),
    carried(Kind::Finding, FINDING),
    left_out(Kind::EvidenceRequirement, OBSERVED),
    left_out(Kind::EvidenceClaim, OBSERVED),
];

const OBSERVED: &str = "a plan says what is to be done; oscal-assessment-results has what was observed";

const ASSESSMENT_RESULTS: &[KindRules] = &[
    carried(Kind::Assessment, ASSESSMENT),
    carried(Kind::Finding, FINDING),
    KindRules {
        left_out: Some(
            "those that are about no finding of the file: no record says which assessment identified them; \
            oscal-poam has all risks",
        ),
        ..carried(Kind::Risk, RISK)
    },
    carried(Kind::EvidenceRequirement, EVIDENCE_REQUIREMENT),
    carried(Kind::EvidenceClaim, EVIDENCE_CLAIM),
];

const FRAMEWORK: &[FieldRule] = &[
    property("frameworkKey", "framework-key"),
    title("name", "metadata.title"),
    member("description", "metadata.remarks").but(MARKUP),
    property("sourceKind", "framework-source-kind"),
    property("status", "framework-status"),
];

const FRAMEWORK_VERSION: &[FieldRule] = &[
    member("frameworkId", "the framework in the same metadata"),
    member("versionKey", "metadata.version"),
    text("versionLabel", "version-label"),
    property("sourceKind", "version-source-kind"),
    property("status", "version-status"),
    member("effectiveAt", "metadata.published"),
];

const FRAMEWORK_NODE: &[FieldRule] = &[
    member("frameworkVersionId", "the catalog"),
    member("parentNodeId", "the group or control that it is in"),
    member("nodeKind", "the list that it is in; otherwise the property `node-kind`"),
    member("nodeKey", "the property `label`; the `id` is made of it"),
    title("title", "title"),
    member("text", "parts and params, if reading them gives the text again; otherwise one statement").but(MARKUP),
    member("position", "the order")
        .but("numbers that do not count from 0, and the position of a group between controls at the top"),
];

/// The property with the kind of a node, if the list that it is in does not say it.
pub(super) const NODE_KIND: &str = "node-kind";

const RISK: &[FieldRule] = &[
    property("riskKey", "risk-key"),
    title("title", "title"),
    description("description and statement"),
    property("status", "risk-status"),
    text("subjectModuleKey", "subject-module-key"),
    text("subjectResourceType", "subject-resource-type"),
    text("subjectResourceId", "subject-resource-id"),
    text("subjectVersionId", "subject-version-id"),
    text("ownerResponsibilityAssignmentId", "owner-responsibility-assignment-id"),
];

const FINDING: &[FieldRule] = &[
    property("findingKey", "finding-key"),
    title("title", "title"),
    description("description"),
    member("severity", "the facet `severity` of the finding's risk"),
    property("status", "finding-status"),
    property("sourceKind", "source-kind"),
    text("sourceModuleKey", "source-module-key"),
    text("sourceScope", "source-scope"),
    text("sourceResourceType", "source-resource-type"),
    text("sourceResourceId", "source-resource-id"),
    text("subjectModuleKey", "subject-module-key"),
    text("subjectResourceType", "subject-resource-type"),
    text("subjectResourceId", "subject-resource-id"),
    text("ownerResponsibilityId", "owner-responsibility-id"),
    text("ownerMemberUserId", "owner-member-user-id"),
    member("dueAt", "the deadline of the finding's risk"),
    lost("closedAt", "the time; an import sets its own"),
    lost("lifecycleInstanceId", "the lifecycle in another system"),
    lost("duplicateOfFindingId", "the finding that it is a duplicate of"),
];

const ASSESSMENT: &[FieldRule] = &[
    property("assessmentKey", "assessment-key"),
    title("title", "title"),
    description("description"),
    property("status", "assessment-status"),
    text("subjectModuleKey", "subject-module-key"),
    text("subjectResourceType", "subject-resource-type"),
    text("subjectResourceId", "subject-resource-id"),
    text("subjectVersionId", "subject-version-id"),
    text("assessorResponsibilityAssignmentId", "assessor-responsibility-assignment-id"),
    text("reviewerResponsibilityAssignmentId", "reviewer-responsibility-assignment-id"),
    member("completedAt", "end"),
];

const EVIDENCE_REQUIREMENT: &[FieldRule] = &[
    property("requirementKey", "requirement-key"),
    title("title", "title of the resource in the back matter"),
    description("description of the resource"),
    text("subjectModuleKey", "subject-module-key"),
    text("subjectResourceType", "subject-resource-type"),
    text("subjectResourceId", "subject-resource-id"),
    property("status", "requirement-status"),
];

const EVIDENCE_CLAIM: &[FieldRule] = &[
    member("evidenceRequirementId", "the subject of the observation, which is the resource of the requirement"),
    property("claimKey", "claim-key"),
    title("title", "title of the observation"),
    description("description"),
    property("status", "claim-status"),
    member("validFrom", "collected"),
    member("validUntil", "expires").but("an end that is not after the beginning"),
    property("sourceKind", "claim-source-kind"),
    text("sourceReference", "source-reference"),
    lost("attachments", "the bytes; relevant-evidence has the names and the hashes, which no import takes"),
    property("reviewedAt", "reviewed-at"),
    member("reviewNote", "remarks").but("a text of blanks"),
];

/// The rules of the fields of a kind; none if no model carries it.
pub(super) fn rules_of(kind: Kind) -> &'static [FieldRule] {
    let all = ExportModel::ALL.iter().flat_map(|model| model.kinds());
    all.filter(|rules| rules.kind == kind).map(|rules| rules.fields).find(|fields| !fields.is_empty()).unwrap_or(&[])
}

/// The rules of the columns of a kind, in the order of the columns.
pub(super) fn by_column(kind: Kind) -> impl Iterator<Item = &'static FieldRule> {
    let columns = RecordKind::of(kind).map_or(&[][..], |kind| kind.columns);
    let rules = rules_of(kind);
    columns.iter().filter_map(|column| {
        let name = field_name(column);
        rules.iter().find(|rule| rule.field == name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_of_a_kind_that_a_model_carries_has_one_rule() {
        for rules in ExportModel::ALL.iter().flat_map(|model| model.kinds()).filter(|rules| !rules.fields.is_empty()) {
            let columns = RecordKind::of(rules.kind).unwrap().columns;
            let fields: Vec<String> = columns.iter().map(field_name).collect();
            assert_eq!(rules.fields.iter().map(|rule| rule.field).collect::<Vec<_>>(), fields, "{:?}", rules.kind);
            assert_eq!(by_column(rules.kind).count(), columns.len());
        }
    }

    #[test]
    fn no_two_fields_share_a_property() {
        // A framework and its version have one metadata.
        for kinds in [
            vec![Kind::Framework, Kind::FrameworkVersion],
            vec![Kind::Finding],
            vec![Kind::Risk],
            vec![Kind::EvidenceClaim],
        ] {
            let names = kinds.iter().flat_map(|kind| rules_of(*kind)).filter_map(|rule| match rule.carrier {
                Carrier::Property(name) => Some(name),
                _ => None,
            });
            let mut names: Vec<_> = names.collect();
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), count);
        }
    }
}
