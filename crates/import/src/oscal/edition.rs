//! The framework and the version that a catalog or a profile is.

use kernel::{Kind, RecordKey, Title, VersionKey};
use registers::FrameworkSource;
use serde_json::Value;

use super::{
    Model,
    members::{plain_text, time},
    properties::OwnProperties,
};
use crate::{
    document::{Document, other_format, text},
    document_draft::{DocumentDraft, OnExisting},
    object::Object,
    position::{SourcePosition, Unreadable},
    shorten,
};

/// The choices of the caller about a framework that is made of a file.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FrameworkOptions {
    /// The key of the framework. Without it, the key is that which an export of Novantra states, otherwise made of the title.
    pub framework_key: Option<RecordKey>,
    /// The key of the version. Without it, the key is the version in the metadata.
    pub version_key: Option<VersionKey>,
    /// The origin of the framework. Without it, the origin is that which an export of Novantra states, and that of a new
    /// framework otherwise `standard`: no other file states it.
    pub source_kind: Option<FrameworkSource>,
    /// Whether each requirement and enhancement that is not withdrawn also becomes a control in the status draft.
    pub with_controls: bool,
}

/// The keys of a version and of its framework.
pub(super) struct Edition {
    pub(super) framework_key: RecordKey,
    pub(super) version_key: VersionKey,
}

impl Edition {
    /// The key of the version, as records refer to it.
    pub(super) fn reference(&self) -> String {
        format!("{}/{}", self.framework_key, self.version_key)
    }

    /// Reads the metadata, and adds the framework and its version to the document.
    pub(super) fn read(
        format: &'static str,
        model: &Model<'_, '_>,
        position: SourcePosition,
        options: &FrameworkOptions,
        document: &mut Document,
    ) -> Result<Self, Unreadable> {
        let metadata = model.metadata;
        let missing = |path: &str, use_of_it: &str| {
            other_format(format, format!("{}.{path} is missing or blank: {use_of_it}", metadata.path()))
        };
        let Some(name) = metadata.text("title").as_deref().and_then(shorten::title) else {
            return Err(missing("title", "it is the name of the framework"));
        };
        let own = OwnProperties::read(metadata);
        let stated_key = || own.get(FRAMEWORK_KEY).and_then(|key| RecordKey::parse(key).ok());
        let framework_key = options.framework_key.clone().or_else(stated_key);
        let framework_key = framework_key.or_else(|| framework_key_of(metadata, &name));
        let Some(framework_key) = framework_key else {
            return Err(missing("title", "the key of the framework is made of it; state the key"));
        };
        let version = metadata.nonblank_text("version");
        let version_key = options.version_key.clone().or_else(|| shorten::version_key(version.as_deref()?));
        let Some(version_key) = version_key else {
            return Err(missing("version", "it is the key of the version; state the key"));
        };
        let edition = Self { framework_key, version_key };
        edition.add_framework(document, position, options, metadata, &name);
        edition.add_version(document, position, options, metadata, &name);
        Ok(edition)
    }

    fn add_framework(
        &self,
        document: &mut Document,
        position: SourcePosition,
        options: &FrameworkOptions,
        metadata: &Object<'_>,
        name: &Title,
    ) {
        let remarks = metadata.nonblank_text("remarks").map(|remarks| plain_text(&remarks));
        let description = remarks.as_deref().and_then(shorten::description);
        let framework = [
            ("frameworkKey", text(&self.framework_key)),
            ("name", text(name)),
            ("description", description.and_then(text)),
        ];
        document.add(position, Self::draft(Kind::Framework, options, metadata, framework));
    }

    fn add_version(
        &self,
        document: &mut Document,
        position: SourcePosition,
        options: &FrameworkOptions,
        metadata: &Object<'_>,
        name: &Title,
    ) {
        let label = shorten::title(&format!("{}, {}", short_title(name.as_str()), self.version_key));
        let published = time(metadata, "published");
        let version = [
            ("frameworkKey", text(&self.framework_key)),
            ("versionKey", text(&self.version_key)),
            ("versionLabel", label.and_then(text)),
            ("effectiveAt", published.and_then(|time| text(time.to_string()))),
        ];
        document.add(position, Self::draft(Kind::FrameworkVersion, options, metadata, version));
    }

    /// The draft of a framework or a version. The choices of the caller count before what an export states.
    fn draft<const N: usize>(
        kind: Kind,
        options: &FrameworkOptions,
        metadata: &Object<'_>,
        stated: [(&str, Option<Value>); N],
    ) -> DocumentDraft {
        let keys: Vec<(String, Option<Value>)> = stated
            .iter()
            .filter(|(name, _)| name.ends_with("Key"))
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        let draft = DocumentDraft::new(kind, OnExisting::Complete, stated)
            .with_initial([("sourceKind", text(FrameworkSource::Standard.name())), ("status", text("active"))]);
        let mut draft = OwnProperties::read(metadata).completing(FRAMEWORK_KEY, metadata, draft);
        let source_kind = ("sourceKind".to_owned(), options.source_kind.and_then(|source| text(source.name())));
        let chosen = keys.into_iter().chain([source_kind]);
        draft.draft.fields.extend(chosen.filter_map(|(name, value)| Some((name, value?))));
        draft
    }
}

/// The property with the key of the framework, which every export has.
const FRAMEWORK_KEY: &str = "framework-key";

/// The key of the framework that the metadata of a catalog describe, with the key of the version if there is one.
pub(super) fn reference_of(metadata: &Object<'_>) -> Option<String> {
    let framework = framework_key_of(metadata, &shorten::title(&metadata.nonblank_text("title")?)?)?;
    let version = metadata.nonblank_text("version").as_deref().and_then(shorten::version_key);
    Some(version.map_or_else(|| framework.to_string(), |version| format!("{framework}/{version}")))
}

/// The key of the framework. Every edition of the framework has the same.
fn framework_key_of(metadata: &Object<'_>, title: &Title) -> Option<RecordKey> {
    let identifier = metadata.present_objects("props").find_map(|property| {
        let is_identifier = property.text("name")? == "framework-identifier";
        let value = property.nonblank_text("value").filter(|_| is_identifier)?.replace('_', " ");
        let is_of_nist = property.text("ns").is_some_and(|namespace| namespace.contains("nist.gov"));
        Some(if is_of_nist { format!("NIST {value}") } else { value })
    });
    let key = slug(&identifier.unwrap_or_else(|| short_title(title.as_str()).to_owned()));
    shorten::key(&key).or_else(|| shorten::key(title.as_str()))
}

/// The title without its explanation: "ISO 1: Quality" is "ISO 1".
fn short_title(title: &str) -> &str {
    title.split(": ").next().unwrap_or(title)
}

/// The words that stand before the number of an edition.
const EDITION_WORDS: &[&str] = &["revision", "rev", "version", "ver", "edition"];

/// The words in lower case with hyphens, without the edition and without the series that NIST numbers.
fn slug(title: &str) -> String {
    let title = title.to_lowercase();
    let is_word = |character: char| character.is_ascii_alphanumeric() || character == '.' || character == '-';
    let words: Vec<&str> = title
        .split(|character| !is_word(character))
        .map(|word| word.trim_matches(['.', '-']))
        .filter(|word| !word.is_empty())
        .collect();
    let is_number =
        |word: Option<&&str>| word.is_some_and(|word| word.starts_with(|first: char| first.is_ascii_digit()));
    let mut kept: Vec<String> = Vec::new();
    let mut rest = words.as_slice();
    while let Some((word, after)) = rest.split_first() {
        rest = match after {
            [_, after @ ..] if EDITION_WORDS.contains(word) && is_number(rest.get(1)) => after,
            _ if *word == "sp" && is_number(rest.get(1)) => after,
            ["publication", after @ ..] if *word == "special" && is_number(after.first()) => after,
            _ => {
                kept.push(word.replace('.', "-"));
                after
            }
        };
    }
    kept.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_of_a_framework_has_neither_its_edition_nor_the_series() {
        for (title, key) in [
            ("NIST Special Publication 800-53 Revision 5", "nist-800-53"),
            ("NIST SP 800-53 Rev. 4", "nist-800-53"),
            (
                "NIST Special Publication 800-53 Revision 5.1.1 MODERATE IMPACT BASELINE",
                "nist-800-53-moderate-impact-baseline",
            ),
            ("ISO/IEC 27001:2022", "iso-iec-27001-2022"),
            ("House rules, version 2", "house-rules"),
            ("Version control", "version-control"),
            ("Special Publication", "special-publication"),
            ("Größe", "gr-e"),
            ("§", ""),
        ] {
            assert_eq!(slug(title), key, "{title}");
        }
    }

    #[test]
    fn the_explanation_of_a_title_is_no_part_of_its_short_form() {
        assert_eq!(short_title("ISO/IEC 27001:2022: Security: all"), "ISO/IEC 27001:2022");
    }
}
