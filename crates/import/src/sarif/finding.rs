//! One result as a finding.

use findings::{FindingSource, NewFinding, SourceKind};
use kernel::{RecordKey, Reference, SubjectGroup, TextError};

use super::{
    Fault,
    format::{Artifact, ScanResult},
    message::message,
    rules::{Judged, Rules, stated_id},
    severity::severity,
};
use crate::shorten;

/// What the results of one run are judged with.
pub(super) struct Mapping<'a> {
    pub(super) rules: Rules<'a>,
    pub(super) artifacts: &'a [Artifact],
}

/// The fingerprint that means the same to most tools and their readers.
const USUAL_FINGERPRINT: &str = "primaryLocationLineHash";

impl Mapping<'_> {
    /// What the result's key is made of: a fingerprint; else rule, file and line, as far as it has them; else what it
    /// says.
    pub(super) fn key_base(&self, result: &ScanResult) -> String {
        if let Some(fingerprint) = fingerprint(result) {
            return fingerprint.to_owned();
        }
        let judged = self.rules.of_result(result);
        let rule = rule_id(result, &judged).map(str::to_owned);
        let parts: Vec<String> = rule.into_iter().chain(self.location(result)).collect();
        if parts.is_empty() {
            return message(result, &judged)
                .ok()
                .filter(|text| !text.is_empty())
                .unwrap_or_else(|| "result".to_owned());
        }
        parts.join(":")
    }

    pub(super) fn finding(&self, key: RecordKey, result: &ScanResult) -> Result<NewFinding, Fault> {
        let judged = self.rules.of_result(result);
        let says = message(result, &judged)?;
        let rule = rule_id(result, &judged);
        let names = [judged.rule.and_then(|rule| rule.name.as_deref()), rule];
        let first_line = says.lines().find(|line| !line.trim().is_empty());
        let title = names.into_iter().chain([first_line]).flatten().find_map(shorten::title);
        Ok(NewFinding {
            key,
            title: title
                .ok_or(Fault { member: "message.text", message: "there is nothing to call it by".to_owned() })?,
            description: Some(shorten::description(&says)?),
            severity: severity(result, &judged),
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

    /// `uri:startLine` of the first location, or its URI alone.
    fn location(&self, result: &ScanResult) -> Option<String> {
        let physical = result.locations.as_ref()?.first()?.physical_location.as_ref()?;
        let artifact = physical.artifact_location.as_ref()?;
        let listed = || {
            let listed = self.artifacts.get(usize::try_from(artifact.index?).ok()?)?;
            listed.location.as_ref()?.uri.as_deref()
        };
        let uri = artifact.uri.as_deref().or_else(listed).filter(|uri| !uri.trim().is_empty())?;
        let line = physical.region.as_ref().and_then(|region| region.start_line);
        Some(line.map_or_else(|| uri.to_owned(), |line| format!("{uri}:{line}")))
    }
}

fn fingerprint(result: &ScanResult) -> Option<&str> {
    let fingerprints = result.partial_fingerprints.as_ref()?;
    let usual = fingerprints.get(USUAL_FINGERPRINT);
    usual.into_iter().chain(fingerprints.values()).map(String::as_str).find(|value| !value.trim().is_empty())
}

fn rule_id<'a>(result: &'a ScanResult, judged: &Judged<'a>) -> Option<&'a str> {
    stated_id(result).or_else(|| judged.rule.map(|rule| rule.id.as_str())).filter(|id| !id.trim().is_empty())
}

fn reference(text: Option<&str>) -> Result<Option<Reference>, TextError> {
    text.filter(|text| !text.trim().is_empty()).map(shorten::reference).transpose()
}
