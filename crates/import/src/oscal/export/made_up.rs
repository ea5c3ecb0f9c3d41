//! Statements that the schemas of OSCAL demand and no record makes. The report and the guide name them.

/// A statement that OSCAL demands and no record makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum MadeUp {
    /// The plan of the assessments.
    AssessmentPlan,
    /// The system of a plan of action.
    System,
    /// The beginning of an assessment.
    Start,
    /// The controls that an assessment reviewed.
    ReviewedControls,
    /// The objective of a finding without a subject.
    Target,
    /// The methods of an observation.
    Methods,
}

impl MadeUp {
    /// All statements.
    pub const ALL: [Self; 6] =
        [Self::AssessmentPlan, Self::System, Self::Start, Self::ReviewedControls, Self::Target, Self::Methods];

    /// The member that makes the statement.
    #[must_use]
    pub const fn member(self) -> &'static str {
        match self {
            Self::AssessmentPlan => "import-ap",
            Self::System => "system-id",
            Self::Start => "start",
            Self::ReviewedControls => "reviewed-controls",
            Self::Target => "target",
            Self::Methods => "methods",
        }
    }

    /// The value in the file, and what the workspace knows.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::AssessmentPlan => "a resource without content; the workspace keeps no plans of assessments",
            Self::System => "computed from the workspace; no record names the system",
            Self::Start => "when the record was created, or when the assessment was completed, if that is earlier",
            Self::ReviewedControls => "all controls; the record names none as its subject",
            Self::Target => "the finding itself; it has no subject",
            Self::Methods => "UNKNOWN; no record has the methods of an observation",
        }
    }
}

/// The table in Markdown.
#[must_use]
pub fn made_up_table() -> String {
    let mut rows = vec!["| member | made up |".to_owned(), "|---|---|".to_owned()];
    rows.extend(
        MadeUp::ALL.iter().map(|statement| format!("| `{}` | {} |", statement.member(), statement.description())),
    );
    rows.join("\n") + "\n"
}
