//! Conversion of one result to a finding.

use findings::{FindingSource, NewFinding, SourceKind};
use kernel::{RecordKey, Reference, SubjectGroup, TextError};

use super::{
    ResultError,
    format::{Artifact, ScanResult},
    message::message,
    rules::{ResolvedRule, Rules, stated_id},
    severity::severity,
};
use crate::shorten;

/// Converts the results of one run.
pub(super) struct ResultConverter<'a> {
    pub(super) rules: Rules<'a>,
    pub(super) artifacts: &'a [Artifact],
}

/// The fingerprint that most tools and consumers share.
const PREFERRED_FINGERPRINT: &str = "primaryLocationLineHash";

impl ResultConverter<'_> {
    /// Returns the base of the result's key: a fingerprint, otherwise the available ones of rule, file and line,
    /// otherwise the message.
    pub(super) fn base_key(&self, result: &ScanResult) -> String {
        if let Some(fingerprint) = fingerprint(result) {
            return fingerprint.to_owned();
        }
        let resolved = self.rules.resolve(result);
        let rule = rule_id(result, &resolved).map(str::to_owned);
        let parts: Vec<String> = rule.into_iter().chain(self.location(result)).collect();
        if parts.is_empty() {
            return message(result, &resolved)
                .ok()
                .filter(|text| !text.is_empty())
                .unwrap_or_else(|| "result".to_owned());
        }
        parts.join(":")
    }

    pub(super) fn finding(&self, key: RecordKey, result: &ScanResult) -> Result<NewFinding, ResultError> {
        let resolved = self.rules.resolve(result);
        let text = message(result, &resolved)?;
        let rule = rule_id(result, &resolved);
        let names = [resolved.rule.and_then(|rule| rule.name.as_deref()), rule];
        let first_line = text.lines().find(|line| !line.trim().is_empty());
        let title = names.into_iter().chain([first_line]).flatten().find_map(shorten::title);
        Ok(NewFinding {
            key,
            title: title.ok_or(ResultError {
                member: "message.text",
                message: "there is no text to use as a title".to_owned(),
            })?,
            description: Some(shorten::description(&text)?),
            severity: severity(result, &resolved),
            source: FindingSource {
                kind: SourceKind::ModuleSignal,
                module_key: reference(Some(self.rules.tool()))?,
                resource_type: reference(rule.map(|_| "rule"))?,
                resource_id: reference(rule)?,
            },
            subject: self.subject(result)?,
            owner_responsibility_id: None,
            owner_member_user_id: None,
            due_at: None,
            status: None,
        })
    }

    fn subject(&self, result: &ScanResult) -> Result<Option<SubjectGroup>, TextError> {
        let Some(location) = self.location(result) else { return Ok(None) };
        Ok(Some(SubjectGroup {
            module_key: shorten::reference("code")?,
            resource_type: shorten::reference("location")?,
            resource_id: shorten::reference(&location)?,
        }))
    }

    /// Returns `uri:startLine` of the first location, or its URI alone.
    fn location(&self, result: &ScanResult) -> Option<String> {
        let physical = result.locations.as_ref()?.first()?.physical_location.as_ref()?;
        let artifact = physical.artifact_location.as_ref()?;
        let from_artifacts = || {
            let from_artifacts = self.artifacts.get(usize::try_from(artifact.index?).ok()?)?;
            from_artifacts.location.as_ref()?.uri.as_deref()
        };
        let uri = artifact.uri.as_deref().or_else(from_artifacts).filter(|uri| !uri.trim().is_empty())?;
        let line = physical.region.as_ref().and_then(|region| region.start_line);
        Some(line.map_or_else(|| uri.to_owned(), |line| format!("{uri}:{line}")))
    }
}

fn fingerprint(result: &ScanResult) -> Option<&str> {
    let fingerprints = result.partial_fingerprints.as_ref()?;
    let preferred = fingerprints.get(PREFERRED_FINGERPRINT);
    preferred.into_iter().chain(fingerprints.values()).map(String::as_str).find(|value| !value.trim().is_empty())
}

fn rule_id<'a>(result: &'a ScanResult, resolved: &ResolvedRule<'a>) -> Option<&'a str> {
    stated_id(result).or_else(|| resolved.rule.map(|rule| rule.id.as_str())).filter(|id| !id.trim().is_empty())
}

fn reference(text: Option<&str>) -> Result<Option<Reference>, TextError> {
    text.filter(|text| !text.trim().is_empty()).map(shorten::reference).transpose()
}
