//! One result: whether it is a finding, and which.

use findings::NewFinding;
use sha2::{Digest as _, Sha256};

use super::{
    content::{self, ResultDescription},
    identity::{BaseKey, CodeElement},
    location::{Listed, Location},
    mark::marks,
    message::message,
    object::Object,
    rules::{ResolvedRule, Rules, stated_id},
    severity::{Level, level, security_severity, severity},
};

/// A result that reports a problem, before it has its key.
#[derive(Clone, Debug, PartialEq)]
pub struct ScanResult {
    /// The finding without its description. Its key is that of the identity, which results that are alike share.
    pub(super) outline: NewFinding,
    pub(super) description: ResultDescription,
    /// The SHA-256 of the description.
    pub(super) description_digest: [u8; 32],
    /// The suppression, if the result is suppressed.
    pub suppression: Option<Suppression>,
    /// The keys of the identity: the preferred one, followed by those with older versions of the fingerprint.
    pub(super) base_keys: Vec<BaseKey>,
    pub(super) element: Option<CodeElement>,
    pub(super) line: u64,
    pub(super) column: u64,
}

impl ScanResult {
    /// Returns the finding. Its key is that of the identity, which results that are alike share.
    #[must_use]
    pub fn finding(&self) -> NewFinding {
        NewFinding { description: self.description.text(), ..self.outline.clone() }
    }

    /// The message, which begins the description.
    pub(super) fn message(&self) -> &str {
        self.description.message()
    }

    pub(super) fn artifact(&self) -> Option<String> {
        self.element.as_ref().filter(|element| matches!(element, CodeElement::Artifact { .. })).map(CodeElement::name)
    }
}

/// The suppression of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// The justifications that the file gives.
    pub justification: Option<String>,
}

/// The outcome of reading a result.
pub(super) enum Reading {
    Problem(Box<ScanResult>),
    /// It passed, does not apply, or only informs.
    Passed,
    /// The problem was in the baseline and is gone.
    Absent,
    /// It has neither a rule nor a message.
    Unidentified,
}

/// Converts the results of one run.
pub(super) struct ResultReader<'a> {
    pub(super) scope: Option<&'a str>,
    pub(super) rules: &'a Rules,
    pub(super) overrides: Vec<Vec<LevelOverride<'a>>>,
    pub(super) artifacts: Listed<'a>,
    pub(super) logical_locations: Listed<'a>,
}

/// A level that an invocation gives a rule.
pub(super) struct LevelOverride<'a> {
    rule: ResolvedRule<'a>,
    level: Level,
}

impl ResultReader<'_> {
    pub(super) fn read(&self, result: &Object<'_>) -> Reading {
        let kinds = ["fail", "pass", "notApplicable", "informational", "review", "open"];
        let kind = result.word("kind", &kinds).unwrap_or("fail");
        if matches!(kind, "pass" | "notApplicable" | "informational") {
            return Reading::Passed;
        }
        if result.word("baselineState", &["new", "unchanged", "updated", "absent"]) == Some("absent") {
            return Reading::Absent;
        }
        let Some(resolved) = self.rule_of(result) else { return Reading::Unidentified };
        let text = message(result, &resolved);
        if resolved.id.is_none() && text.is_none() {
            return Reading::Unidentified;
        }
        if text.is_none() {
            result.repair("message", || "has no text; the finding is made from the rule alone".to_owned());
        }
        let location = Location::read(result, &self.artifacts, &self.logical_locations);
        let tool = self.rules.tool();
        let base_keys: Vec<BaseKey> = marks(result, location.snippet.as_deref(), text.as_deref())
            .iter()
            .map(|mark| BaseKey::new(tool, self.scope, resolved.id.as_deref(), location.element.as_ref(), mark))
            .collect();
        let (Some(base_key), Some(title)) = (base_keys.first(), content::title(self.rules, &resolved, text.as_deref()))
        else {
            return Reading::Unidentified;
        };
        let outline = NewFinding {
            key: base_key.key(),
            title,
            description: None,
            severity: self.severity(result, &resolved, kind),
            source: content::source(tool, self.scope, &resolved),
            subject: content::subject(&location),
            owner_responsibility_id: None,
            owner_member_user_id: None,
            due_at: None,
            status: None,
        };
        let description = ResultDescription::new(&resolved, text.as_deref());
        Reading::Problem(Box::new(ScanResult {
            outline,
            description_digest: Sha256::digest(description.text().unwrap_or_default().as_str()).into(),
            description,
            suppression: suppression(result),
            base_keys,
            line: location.line.unwrap_or_default(),
            column: location.column.unwrap_or_default(),
            element: location.element,
        }))
    }

    fn rule_of(&self, result: &Object<'_>) -> Option<ResolvedRule<'_>> {
        let reference = result.object("rule");
        let id = stated_id([result.text("ruleId"), reference.as_ref().and_then(|rule| rule.text("id"))]);
        let of_reference = reference.as_ref().and_then(|rule| Some((rule, "index", rule.index("index")?)));
        let index = of_reference.or_else(|| Some((result, "ruleIndex", result.index("ruleIndex")?)));
        let component = reference.as_ref().and_then(|rule| rule.object("toolComponent"));
        let resolved = self.rules.resolve(id, index.map(|(_, _, index)| index), component.as_ref())?;
        if let Some((object, name, index)) = index.filter(|_| resolved.is_index_of_none) {
            object.repair_index(name, index, "rules");
        }
        Some(resolved)
    }

    /// The severity. The level that a result states does not count unless the result fails, because SARIF then demands
    /// the level `none`, whatever the severity of the rule.
    fn severity(&self, result: &Object<'_>, resolved: &ResolvedRule<'_>, kind: &str) -> findings::Severity {
        let score = security_severity(result).or_else(|| resolved.rule?.security_severity);
        let own_level = level(result).filter(|_| kind == "fail");
        let level = own_level.or_else(|| self.level_override(result, resolved)).or_else(|| resolved.rule?.level);
        severity(score, level)
    }

    fn level_override(&self, result: &Object<'_>, resolved: &ResolvedRule<'_>) -> Option<Level> {
        let provenance = result.object("provenance");
        let invocation = provenance.as_ref().and_then(|object| Some((object, object.index("invocationIndex")?)));
        let overrides = match (invocation, &self.overrides[..]) {
            (Some((provenance, index)), overrides) => overrides.get(index).or_else(|| {
                provenance.repair_index("invocationIndex", index, "invocations");
                None
            })?,
            (None, [only]) => only,
            (None, _) => return None,
        };
        overrides.iter().find(|candidate| candidate.rule.is_same(resolved)).map(|found| found.level)
    }
}

/// The levels that an invocation gives to rules.
pub(super) fn level_overrides<'a>(invocation: Option<&Object<'_>>, rules: &'a Rules) -> Vec<LevelOverride<'a>> {
    let overrides = invocation.map(|invocation| invocation.objects("ruleConfigurationOverrides")).unwrap_or_default();
    let read = |element: Object<'_>| {
        let descriptor = element.object("descriptor")?;
        let level = level(&element.object("configuration")?)?;
        let component = descriptor.object("toolComponent");
        let id = stated_id([descriptor.text("id")]);
        let index = descriptor.index("index");
        let rule = rules.resolve(id, index, component.as_ref())?;
        if let Some(index) = index.filter(|_| rule.is_index_of_none) {
            descriptor.repair_index("index", index, "rules");
        }
        Some(LevelOverride { rule, level })
    };
    overrides.into_iter().flatten().filter_map(read).collect()
}

/// The suppression of the result (SARIF § 3.27.23): it has suppressions, and none is under review or rejected.
fn suppression(result: &Object<'_>) -> Option<Suppression> {
    let suppressions: Vec<Object<'_>> = result.objects("suppressions").into_iter().flatten().collect();
    let is_accepted = |suppression: &Object<'_>| {
        // A status that is none of SARIF's does not hide a problem.
        suppression.member("status").is_none()
            || suppression.word("status", &["accepted", "underReview", "rejected"]) == Some("accepted")
    };
    if suppressions.is_empty() || !suppressions.iter().all(is_accepted) {
        return None;
    }
    let justifications: Vec<String> =
        suppressions.iter().filter_map(|suppression| suppression.nonblank_text("justification")).collect();
    Some(Suppression { justification: Some(justifications.join("; ")).filter(|text| !text.is_empty()) })
}
