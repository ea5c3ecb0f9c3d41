//! The table of the guide that shows what carries each field, made of the rules by which it is carried.

use crate::{
    kinds::RecordKind,
    oscal::field_rules::{Carrier, ExportModel, FieldRule},
};

/// The table in Markdown.
#[must_use]
pub fn guide_table() -> String {
    let mut rows = vec!["| record | field | in the file | lost |".to_owned(), "|---|---|---|---|".to_owned()];
    let mut shown = Vec::new();
    for rules in ExportModel::ALL.iter().flat_map(|model| model.kinds()) {
        if rules.fields.is_empty() || shown.contains(&rules.kind) {
            continue;
        }
        shown.push(rules.kind);
        let name = RecordKind::of(rules.kind).map(RecordKind::name).unwrap_or_default();
        rows.extend(rules.fields.iter().map(|rule| row(&name, rule)));
    }
    for model in ExportModel::ALL {
        for rules in model.kinds() {
            if let (Some(reason), Some(kind)) = (rules.left_out, RecordKind::of(rules.kind)) {
                rows.push(format!("| `{}` | all | not in `{}` | all: {reason} |", kind.name(), model.format()));
            }
        }
    }
    rows.join("\n") + "\n"
}

fn row(kind: &str, rule: &FieldRule) -> String {
    let carrier = match rule.carrier {
        Carrier::Member(member) => member.to_owned(),
        Carrier::Property(name) => format!("property `{name}` of Novantra"),
        Carrier::Nothing => "–".to_owned(),
    };
    format!("| `{kind}` | `{}` | {carrier} | {} |", rule.field, rule.loss.unwrap_or("–"))
}
