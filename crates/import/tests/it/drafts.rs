//! Documents to test with, and the questions of tests about drafts.

use std::collections::HashSet;

use heck::ToLowerCamelCase as _;
use kernel::{Column, Kind};
use novantra_import::{Document, DocumentDraft};
use serde_json::Value;

macro_rules! columns {
    ($($kind:ident => $register:ty,)*) => {
        fn columns(kind: Kind) -> &'static [Column] {
            match kind {
                $(Kind::$kind => <$register as kernel::Record>::COLUMNS,)*
                _ => <findings::Finding as kernel::Record>::COLUMNS,
            }
        }
    };
}
registers::for_each_register!(columns);

/// Columns that may be left out although they are not nullable.
const OPTIONAL: &[&str] = &["description", "text", "status", "source_kind", "attachments"];

/// The object with further members.
pub(crate) fn with_members(mut object: Value, members: Value) -> Value {
    let (Value::Object(present), Value::Object(added)) = (&mut object, members) else { panic!("both are objects") };
    present.extend(added);
    object
}

/// The drafts of one kind.
pub(crate) fn of_kind(document: &Document, kind: Kind) -> Vec<&DocumentDraft> {
    document.records.iter().map(|located| &located.record).filter(|record| record.draft.kind == kind).collect()
}

/// The text of a field of a new record; empty if it is left out.
pub(crate) fn field<'d>(record: &'d DocumentDraft, name: &str) -> &'d str {
    let value = record.draft.fields.get(name).or_else(|| record.initial.get(name));
    value.filter(|value| !value.is_null()).map(|value| value.as_str().expect("a string")).unwrap_or_default()
}

/// The names of the fields that a record which exists takes from the document.
pub(crate) fn stated(record: &DocumentDraft) -> Vec<&str> {
    record.draft.fields.keys().map(String::as_str).collect()
}

/// The draft of this kind whose field has this value.
pub(crate) fn with_field<'d>(document: &'d Document, kind: Kind, name: &str, value: &str) -> &'d DocumentDraft {
    let found = of_kind(document, kind).into_iter().find(|draft| field(draft, name) == value);
    found.unwrap_or_else(|| panic!("there is no {kind} with the {name} {value}"))
}

/// The messages of the failures, with their positions.
pub(crate) fn failures(document: &Document) -> Vec<String> {
    document.failures.iter().map(|failure| format!("{}: {}", failure.position, failure.message)).collect()
}

/// The repairs, each with its path.
pub(crate) fn repairs(document: &Document) -> Vec<String> {
    document.repairs.iter().map(|repair| format!("{} {}", repair.path, repair.message).trim().to_owned()).collect()
}

/// Asserts that each draft can become a record: its fields are those of the kind, valid, and all that are required;
/// parents come before the drafts that name them, and no key occurs twice.
pub(crate) fn assert_whole(document: &Document) {
    let mut keys: HashSet<(Kind, String)> = HashSet::new();
    for located in &document.records {
        let draft = &located.record;
        let columns = columns(draft.draft.kind);
        let fields = || draft.initial.iter().chain(&draft.draft.fields);
        for (name, value) in fields().filter(|(_, value)| !value.is_null()) {
            assert_valid(draft, columns, name, value, &keys);
        }
        for column in columns {
            let name = column.label.to_lower_camel_case();
            let parent_key = name.strip_suffix("Id").map(|name| format!("{name}Key"));
            let is_present = fields().any(|(field, _)| *field == name || Some(field) == parent_key.as_ref());
            assert!(is_present || column.nullable || OPTIONAL.contains(&column.name), "{name} is missing in {draft:?}");
        }
        assert!(keys.insert((draft.draft.kind, key(draft))), "the key of {draft:?} occurs twice");
        let checked = draft.clone().check();
        assert!(checked.is_ok(), "{checked:?} of {draft:?}");
    }
    let displayed = document
        .failures
        .iter()
        .map(|failure| &failure.message)
        .chain(document.repairs.iter().flat_map(|repair| [&repair.path, &repair.message]))
        .chain(&document.warnings);
    for text in displayed {
        assert!(text.chars().all(kernel::is_allowed_in_line), "{text:?}");
    }
}

/// The key of the draft, with that of its parent.
fn key(draft: &DocumentDraft) -> String {
    match draft.draft.kind {
        Kind::Framework => field(draft, "frameworkKey").to_owned(),
        Kind::FrameworkVersion => format!("{}/{}", field(draft, "frameworkKey"), field(draft, "versionKey")),
        Kind::FrameworkNode => format!("{} {}", field(draft, "frameworkVersionKey"), field(draft, "nodeKey")),
        Kind::Control => field(draft, "controlKey").to_owned(),
        Kind::Asset => field(draft, "assetKey").to_owned(),
        Kind::Vulnerability => field(draft, "vulnerabilityKey").to_owned(),
        Kind::Risk => field(draft, "riskKey").to_owned(),
        Kind::Finding => field(draft, "findingKey").to_owned(),
        Kind::Assessment => field(draft, "assessmentKey").to_owned(),
        Kind::EvidenceRequirement => field(draft, "requirementKey").to_owned(),
        Kind::EvidenceClaim => field(draft, "claimKey").to_owned(),
        kind => panic!("no document makes a {kind}"),
    }
}

fn assert_valid(draft: &DocumentDraft, columns: &[Column], name: &str, value: &Value, keys: &HashSet<(Kind, String)>) {
    if let Some(column) = columns.iter().find(|column| column.label.to_lower_camel_case() == name) {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        assert!((column.parse)(&text).is_ok(), "{name} of {draft:?} is not valid");
        return;
    }
    let text = value.as_str().expect("a key").to_owned();
    let parent = match name {
        "frameworkKey" => (Kind::Framework, text),
        "frameworkVersionKey" => (Kind::FrameworkVersion, text),
        "parentNodeKey" => (Kind::FrameworkNode, format!("{} {text}", field(draft, "frameworkVersionKey"))),
        "evidenceRequirementKey" => (Kind::EvidenceRequirement, text),
        name => panic!("{draft:?} has no field {name}"),
    };
    assert!(keys.contains(&parent), "{name} of {draft:?} names no earlier draft");
}
