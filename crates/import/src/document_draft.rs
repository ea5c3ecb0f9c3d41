//! Drafts of documents, which state a part of a record.

use std::collections::HashSet;

use findings::{Finding, NewFinding};
use kernel::{Kind, Record as _};
use serde_json::{Map, Value};

use crate::{
    bundle::cells,
    checked_draft::{CheckedDraft, InvalidDraft},
    draft::Draft,
    field_name::field_name,
    kinds::RecordKind,
    references::references,
};

/// A record of a document. A document changes only what it states, and never what people decided.
#[derive(Clone, Debug, PartialEq)]
pub struct DocumentDraft {
    /// The fields that the document states. `null` states that the record has no value.
    pub draft: Draft,
    /// The fields that a new record gets beside those. A record that exists keeps its own.
    pub initial: Map<String, Value>,
    /// The effect on a record that exists.
    pub on_existing: OnExisting,
}

/// The effect of a draft on a record that exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnExisting {
    /// The record becomes as the draft is: the document states all of it.
    Replace,
    /// The fields that the draft states change.
    Complete,
    /// The record stays as it is.
    Keep,
}

/// A field with its value. One without a value is left out.
type Field<'n> = (&'n str, Option<Value>);

impl DocumentDraft {
    /// Creates a draft that states these fields.
    pub(crate) fn new<const N: usize>(kind: Kind, on_existing: OnExisting, stated: [Field<'_>; N]) -> Self {
        Self { draft: Draft { kind, fields: map(stated) }, initial: Map::new(), on_existing }
    }

    /// Adds fields that a new record gets, unless the document states them.
    pub(crate) fn with_initial<const N: usize>(mut self, initial: [Field<'_>; N]) -> Self {
        self.initial = map(initial);
        self
    }

    /// Adds what another document states later. Where both state a field, the later one counts.
    #[must_use]
    pub fn merged_with(mut self, later: Self) -> Self {
        if later.on_existing == OnExisting::Keep {
            return self;
        }
        self.draft.fields.extend(later.draft.fields);
        self.initial.extend(later.initial);
        self
    }

    /// Checks all fields.
    ///
    /// # Errors
    /// [`InvalidDraft`] with all errors.
    pub fn check(self) -> Result<CheckedDraft, InvalidDraft> {
        let kept_columns = self.kept_columns();
        let Draft { kind, fields: stated } = self.draft;
        let mut fields = self.initial;
        fields.extend(stated);
        let keeps_decisions = !kept_columns.is_empty();
        Ok(CheckedDraft { kept_columns, keeps_decisions, ..Draft { kind, fields }.check()? })
    }

    /// The indexes of the columns whose values a record that exists keeps.
    fn kept_columns(&self) -> Vec<usize> {
        let Some(kind) = RecordKind::of(self.draft.kind) else { return Vec::new() };
        let states = |index: usize, column| {
            let key_field = references(kind.kind).iter().find(|reference| reference.column == index);
            self.draft.fields.contains_key(&field_name(column))
                || key_field.is_some_and(|reference| self.draft.fields.contains_key(&reference.key_field))
        };
        let columns = kind.columns.iter().enumerate().filter(|(index, column)| match self.on_existing {
            OnExisting::Replace => false,
            OnExisting::Complete => !states(*index, column),
            OnExisting::Keep => true,
        });
        columns.map(|(index, _)| index).collect()
    }
}

impl CheckedDraft {
    /// Creates the finding with which this one updates a stored one.
    ///
    /// # Errors
    /// The errors of fields, which a checked draft does not have.
    pub fn into_finding_onto(mut self, stored: &Finding) -> Result<NewFinding, Vec<String>> {
        let kept = self.kept_columns.iter().filter_map(|index| Finding::COLUMNS.get(*index)).map(field_name);
        let kept: HashSet<String> = kept.collect();
        self.missing.clear();
        let cells = cells(stored, |_, _| None).into_iter().filter(|cell| kept.contains(&cell.name));
        self.fields.extend(cells.map(|cell| (cell.name, cell.value)));
        self.into_finding()
    }
}

fn map<const N: usize>(fields: [Field<'_>; N]) -> Map<String, Value> {
    fields.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}
