//! Properties in Novantra's own namespace, by which fields that OSCAL has no member for return to Novantra.

use std::collections::BTreeMap;

use kernel::Kind;
use serde_json::{Map, Value, json};

use super::field_rules::{Carrier, by_column, rules_of};
use crate::{document::text, document_draft::DocumentDraft, field_name::field_name, kinds::RecordKind, object::Object};

/// The namespace of the properties.
pub(super) const NAMESPACE: &str = "urn:novantra:oscal";

/// A property in the namespace.
pub(super) fn property(name: &str, value: &str) -> Value {
    json!({ "name": name, "ns": NAMESPACE, "value": value })
}

/// The properties in the namespace that an object of a file has.
pub(super) struct OwnProperties(BTreeMap<String, String>);

impl OwnProperties {
    pub(super) fn read(object: &Object<'_>) -> Self {
        let own = |property: Object<'_>| {
            let is_own = property.text("ns").as_deref() == Some(NAMESPACE);
            Some((property.text("name").filter(|_| is_own)?, property.nonblank_text("value")?))
        };
        Self(object.present_objects("props").filter_map(own).collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The fields of a record of the kind that the properties state. A value that the field can't have is left out, which
    /// is a repair of the object.
    pub(super) fn fields(&self, kind: Kind, object: &Object<'_>) -> Map<String, Value> {
        let columns = RecordKind::of(kind).map_or(&[][..], |kind| kind.columns);
        let mut fields = Map::new();
        for (column, rule) in columns.iter().zip(by_column(kind)) {
            let Carrier::Property(name) = rule.carrier else { continue };
            let Some(value) = self.get(name) else { continue };
            match (column.parse)(value) {
                Ok(_) => {
                    fields.extend(text(value).map(|value| (field_name(column), value)));
                }
                Err(rule) => object.repair("props", || format!("has a {name} of {NAMESPACE} that {rule}; left out")),
            }
        }
        const SUBJECT: [&str; 3] = ["subjectModuleKey", "subjectResourceType", "subjectResourceId"];
        let parts = SUBJECT.iter().filter(|name| fields.contains_key(**name)).count();
        if (1..SUBJECT.len()).contains(&parts) {
            object.repair("props", || format!("has some of the properties of a subject of {NAMESPACE}; left out"));
            fields.retain(|name, _| !name.starts_with("subject"));
        }
        if parts == 0 {
            fields.remove("subjectVersionId");
        }
        fields
    }

    /// Replaces the fields of a record that properties carry by those that they state, if Novantra has written them:
    /// then `mark`, the property of a field that is never empty, is among them. The status is that of a new record only.
    pub(super) fn completing(&self, mark: &str, object: &Object<'_>, mut record: DocumentDraft) -> DocumentDraft {
        if self.get(mark).is_none() {
            return record;
        }
        let kind = record.draft.kind;
        let mut stated = self.fields(kind, object);
        let (fields, initial) = (&mut record.draft.fields, &mut record.initial);
        for rule in rules_of(kind) {
            let is_required = RecordKind::of(kind).is_some_and(|kind| {
                kind.columns.iter().any(|column| !column.nullable && field_name(column) == rule.field)
            });
            if matches!(rule.carrier, Carrier::Property(_)) && !is_required {
                fields.remove(rule.field);
                initial.remove(rule.field);
            }
        }
        initial.extend(stated.remove_entry("status"));
        fields.extend(stated);
        record
    }
}
