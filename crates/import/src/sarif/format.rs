//! The members of SARIF 2.1.0 that are read; all others are ignored.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde_json::{Value, value::RawValue};

/// The member that distinguishes a SARIF log from other JSON.
#[derive(Deserialize)]
pub(super) struct Header {
    pub(super) version: Option<Value>,
}

#[derive(Deserialize)]
pub(super) struct Log<'a> {
    #[serde(borrow)]
    pub(super) runs: Vec<Run<'a>>,
}

/// One run of a tool. Its results are parsed one by one, so that an invalid result does not affect others.
#[derive(Deserialize)]
pub(super) struct Run<'a> {
    pub(super) tool: Tool,
    pub(super) artifacts: Option<Vec<Artifact>>,
    #[serde(borrow)]
    pub(super) results: Option<Vec<&'a RawValue>>,
}

#[derive(Deserialize)]
pub(super) struct Tool {
    pub(super) driver: Component,
    pub(super) extensions: Option<Vec<Component>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Component {
    pub(super) name: String,
    pub(super) guid: Option<String>,
    pub(super) rules: Option<Vec<Rule>>,
    pub(super) global_message_strings: Option<HashMap<String, MessageString>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rule {
    pub(super) id: String,
    pub(super) name: Option<String>,
    pub(super) message_strings: Option<HashMap<String, MessageString>>,
    pub(super) default_configuration: Option<Configuration>,
    pub(super) properties: Option<Properties>,
}

#[derive(Deserialize)]
pub(super) struct MessageString {
    pub(super) text: String,
}

#[derive(Deserialize)]
pub(super) struct Configuration {
    pub(super) level: Option<Level>,
}

#[derive(Deserialize)]
pub(super) struct Properties {
    #[serde(rename = "security-severity")]
    pub(super) security_severity: Option<Value>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Level {
    None,
    Note,
    Warning,
    Error,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Kind {
    Fail,
    Pass,
    NotApplicable,
    Open,
    Review,
    Informational,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ScanResult {
    pub(super) rule_id: Option<String>,
    pub(super) rule_index: Option<i64>,
    pub(super) rule: Option<RuleReference>,
    pub(super) kind: Option<Kind>,
    pub(super) level: Option<Level>,
    pub(super) message: Option<Message>,
    pub(super) locations: Option<Vec<Location>>,
    pub(super) partial_fingerprints: Option<BTreeMap<String, String>>,
    pub(super) suppressions: Option<Vec<Suppression>>,
    pub(super) baseline_state: Option<String>,
    pub(super) properties: Option<Properties>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RuleReference {
    pub(super) id: Option<String>,
    pub(super) index: Option<i64>,
    pub(super) tool_component: Option<ComponentReference>,
}

#[derive(Deserialize)]
pub(super) struct ComponentReference {
    pub(super) index: Option<i64>,
    pub(super) name: Option<String>,
    pub(super) guid: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Message {
    pub(super) text: Option<String>,
    pub(super) id: Option<String>,
    pub(super) arguments: Option<Vec<String>>,
}

#[derive(Deserialize)]
pub(super) struct Suppression {
    pub(super) status: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Location {
    pub(super) physical_location: Option<PhysicalLocation>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PhysicalLocation {
    pub(super) artifact_location: Option<ArtifactLocation>,
    pub(super) region: Option<Region>,
}

#[derive(Deserialize)]
pub(super) struct ArtifactLocation {
    pub(super) uri: Option<String>,
    pub(super) index: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Region {
    pub(super) start_line: Option<u64>,
}

#[derive(Deserialize)]
pub(super) struct Artifact {
    pub(super) location: Option<ArtifactLocation>,
}

impl ScanResult {
    /// Whether the result reports that the rule passed or does not apply.
    pub(super) fn is_passed(&self) -> bool {
        matches!(self.kind, Some(Kind::Pass | Kind::NotApplicable))
    }

    /// Whether the result is suppressed (§ 3.27.23): it has suppressions, and none is under review or rejected.
    pub(super) fn is_suppressed(&self) -> bool {
        self.suppressions.as_ref().is_some_and(|suppressions| {
            let is_accepted =
                |suppression: &Suppression| !matches!(suppression.status.as_deref(), Some("underReview" | "rejected"));
            !suppressions.is_empty() && suppressions.iter().all(is_accepted)
        })
    }

    /// Whether the result was in the baseline and is absent now.
    pub(super) fn is_absent(&self) -> bool {
        self.baseline_state.as_deref() == Some("absent")
    }
}
