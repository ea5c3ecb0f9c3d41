//! The content of a finding: what a result and its rule say about the problem.

use std::sync::Arc;

use findings::{FindingSource, SourceKind};
use kernel::{Description, SubjectGroup, Title};

use super::{
    identity::CodeElement,
    links::without_links,
    location::Location,
    object::is_blank,
    rules::{ResolvedRule, Rules},
};
use crate::shorten;

/// The white space around the parts of a description.
const SPACES: [char; 3] = ['\n', ' ', '\t'];

/// Returns the title: the rule's short description, otherwise its name if it is a sentence of its own, otherwise the
/// first sentence of the message, otherwise the rule's id.
pub(super) fn title(rules: &Rules, resolved: &ResolvedRule<'_>, message: Option<&str>) -> Option<Title> {
    let rule = resolved.rule;
    let short_description = rule.and_then(|rule| rule.short_description.as_deref()).map(without_links);
    let name = rule.and_then(|rule| rule.name.as_deref());
    let is_sentence = |name: &str| name.trim_matches(' ').contains(' ') && !rules.is_shared(name);
    let candidates = [
        short_description.as_deref(),
        name.filter(|name| is_sentence(name)),
        message.map(first_sentence),
        resolved.id.as_deref(),
        name,
    ];
    candidates.into_iter().flatten().find_map(shorten::title)
}

/// The first line that is not blank, up to the end of its first sentence.
pub(crate) fn first_sentence(text: &str) -> &str {
    let line = text.split('\n').find(|line| !is_blank(line)).unwrap_or_default();
    let end = line.char_indices().find(|(index, character)| {
        // Looked at first, so that blanks are not counted again for each of them.
        if !matches!(character, '.' | '!' | '?') {
            return false;
        }
        let rest = &line[index + character.len_utf8()..];
        let next = rest.trim_start_matches(' ');
        // "e.g. this" goes on.
        next.len() < rest.len() && !next.starts_with(|next: char| next.is_ascii_lowercase())
    });
    end.map_or(line, |(index, character)| &line[..index + character.len_utf8()])
}

/// The description of a finding: the message, followed by what the rule adds. It is put together when the finding is
/// written, because the results of a rule share a long text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ResultDescription {
    message: String,
    added: Option<Arc<str>>,
}

impl ResultDescription {
    pub(super) fn new(resolved: &ResolvedRule<'_>, message: Option<&str>) -> Self {
        let message = message.map(shorten::clean_description).unwrap_or_default();
        let message = shorten::description(&message).map(|description| description.to_string()).unwrap_or_default();
        let additions = resolved.rule.map(|rule| &rule.additions[..]).unwrap_or_default();
        let added = additions.iter().find(|text| !message.contains(text.trim_matches(SPACES))).cloned();
        Self { message, added }
    }

    /// The message, without the white space that may follow it.
    pub(super) fn message(&self) -> &str {
        self.message.trim_end_matches(SPACES)
    }

    pub(super) fn text(&self) -> Option<Description> {
        match &self.added {
            Some(added) if is_blank(&self.message) => shorten::description(added),
            Some(added) => shorten::description(&format!("{}\n\n{added}", self.message())),
            None => shorten::description(&self.message),
        }
    }
}

/// Whether the description is that of this message, whatever the rule adds to it.
pub(super) fn has_message(description: &str, message: &str) -> bool {
    let added = description.strip_prefix(message).filter(|_| !is_blank(message));
    added.is_some_and(|added| added.starts_with("\n\n") || added.trim_matches(SPACES).is_empty())
}

/// Returns the source: the tool, its scope and the rule.
pub(super) fn source(tool: &str, scope: Option<&str>, resolved: &ResolvedRule<'_>) -> FindingSource {
    let resource_id = resolved.id.as_deref().and_then(shorten::reference);
    FindingSource {
        kind: SourceKind::ModuleSignal,
        module_key: shorten::reference(tool),
        scope: scope.and_then(shorten::reference),
        resource_type: resource_id.as_ref().and_then(|_| shorten::reference("rule")),
        resource_id,
    }
}

/// Returns the subject: the artifact with the line, otherwise the logical name.
pub(super) fn subject(location: &Location) -> Option<SubjectGroup> {
    let element = location.element.as_ref()?;
    let (resource_type, resource_id) = match element {
        CodeElement::Artifact { .. } => ("location", shorten::location(&element.name(), location.line)),
        CodeElement::Logical(name) => ("logical-location", shorten::reference(name)),
    };
    Some(SubjectGroup {
        module_key: shorten::reference("code")?,
        resource_type: shorten::reference(resource_type)?,
        resource_id: resource_id?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_sentence_ends_before_the_next_one_or_the_end_of_the_line() {
        assert_eq!(first_sentence("\n \nUse e.g. this. Then that.\nMore."), "Use e.g. this.");
        assert_eq!(first_sentence("No end\nMore."), "No end");
        assert_eq!(first_sentence("Version 1.2.3 is old! Why?"), "Version 1.2.3 is old!");
    }
}
