//! The report of what an export has lost, and of what only Novantra understands.

use std::collections::{BTreeMap, HashMap};

use kernel::Kind;

use super::made_up::MadeUp;
use crate::{
    kinds::RecordKind,
    oscal::field_rules::{Carrier, ExportModel, FieldRule, KindRules},
};

/// Counts what an export loses.
#[derive(Debug)]
pub struct Losses {
    model: ExportModel,
    left_out: HashMap<Kind, u64>,
    lost: HashMap<(Kind, &'static str), u64>,
    properties: HashMap<(Kind, &'static str), u64>,
    made_up: BTreeMap<MadeUp, u64>,
}

/// Something that the exported file does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loss {
    /// The kind of the records.
    pub kind: String,
    /// The field; `None` if the records are left out.
    pub field: Option<&'static str>,
    /// The number of records that it is lost of.
    pub count: u64,
    /// The part of the field that is lost, or the reason for which the records are left out.
    pub description: &'static str,
}

/// A field that the exported file has only as a property in Novantra's namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PropertyUse {
    /// The kind of the records.
    pub kind: String,
    /// The field.
    pub field: &'static str,
    /// The name of the property.
    pub property: &'static str,
    /// The number of records that have it.
    pub count: u64,
}

impl Losses {
    /// Begins the report of an export.
    #[must_use]
    pub fn new(model: ExportModel) -> Self {
        Self {
            model,
            left_out: HashMap::new(),
            lost: HashMap::new(),
            properties: HashMap::new(),
            made_up: BTreeMap::new(),
        }
    }

    /// Counts a record that is left out.
    pub fn add_left_out(&mut self, kind: Kind) {
        *self.left_out.entry(kind).or_default() += 1;
    }

    /// Counts a statement that OSCAL demands and no record makes.
    pub fn add_made_up(&mut self, statement: MadeUp) {
        *self.made_up.entry(statement).or_default() += 1;
    }

    pub(in crate::oscal) fn add(&mut self, kind: Kind, field: &'static str) {
        *self.lost.entry((kind, field)).or_default() += 1;
    }

    pub(in crate::oscal) fn add_property(&mut self, kind: Kind, field: &'static str) {
        *self.properties.entry((kind, field)).or_default() += 1;
    }

    /// The losses, in the order of the mapping.
    #[must_use]
    pub fn lost(&self) -> Vec<Loss> {
        let mut losses = Vec::new();
        for rules in self.model.kinds() {
            let kind = name(rules);
            let count = self.left_out.get(&rules.kind).copied().unwrap_or_default();
            if let Some(description) = rules.left_out.filter(|_| count > 0) {
                losses.push(Loss { kind: kind.clone(), field: None, count, description });
            }
            for FieldRule { field, loss, .. } in rules.fields {
                if let (Some(count), Some(description)) = (self.lost.get(&(rules.kind, *field)), loss) {
                    losses.push(Loss { kind: kind.clone(), field: Some(field), count: *count, description });
                }
            }
        }
        losses
    }

    /// The statements that OSCAL demands and no record makes, each with the number of objects that have it.
    pub fn made_up(&self) -> impl Iterator<Item = (MadeUp, u64)> {
        self.made_up.iter().map(|(statement, count)| (*statement, *count))
    }

    /// The fields that the file has only as properties, in the order of the mapping.
    #[must_use]
    pub fn properties(&self) -> Vec<PropertyUse> {
        let mut uses = Vec::new();
        for rules in self.model.kinds() {
            for rule in rules.fields {
                if let (Carrier::Property(property), Some(count)) =
                    (rule.carrier, self.properties.get(&(rules.kind, rule.field)))
                {
                    uses.push(PropertyUse { kind: name(rules), field: rule.field, property, count: *count });
                }
            }
        }
        uses
    }
}

fn name(rules: &KindRules) -> String {
    RecordKind::of(rules.kind).map_or_else(String::new, RecordKind::name)
}
