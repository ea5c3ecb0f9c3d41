//! The references between records. They follow from the columns: a column of identifiers whose prefix is that of a kind
//! refers to records of the kind. In files, a reference is an identifier, or the key of the record in the same field with
//! `Key` for `Id`.
//!
//! | the referred record has | the key in files |
//! |---|---|
//! | a key, unique in the organization | this key |
//! | a key that is unique within a parent, to which the referring record refers, too | this key: `nodeKey` beside `frameworkVersionKey` |
//! | another key that is unique within a parent | the parent's key, `/`, and this key: `nist-800-53/5.0.1` |
//! | no key, but an identity of a parent and one more value | the parent's key, `/`, and this value: `MON-7/2026-05-25T14:00:00.000Z` |
//! | another identity | none: the reference is an identifier |

use std::{collections::HashMap, sync::LazyLock};

use heck::ToLowerCamelCase as _;
use kernel::{Column, ColumnType, KeyScope, Kind};

use crate::{field_name::field_name, kinds::RecordKind};

/// A column that refers to other records.
#[derive(Debug, PartialEq, Eq)]
pub struct ReferenceColumn {
    /// The index of the column.
    pub column: usize,
    /// The kind of the records that it refers to.
    pub target: Kind,
    /// Whether it refers to several records.
    pub is_list: bool,
    /// The name of the field with identifiers.
    pub id_field: String,
    /// The name of the field with keys.
    pub key_field: String,
    /// The index, among the references of the record, of that to the parent within which the key is unique.
    pub scope: Option<usize>,
}

/// The parts of a key that is unique only within a parent.
#[derive(Clone, Copy, Debug)]
pub struct KeyParts {
    /// The column with the identifier of the parent.
    pub parent_column: usize,
    /// The kind of the parent.
    pub parent: Kind,
    /// The column with the rest of the key.
    pub rest_column: usize,
}

/// The form of the keys by which files refer to the records of a kind.
#[derive(Clone, Copy, Debug)]
pub enum KeyForm {
    /// The key, unique in the organization, in the column with this index.
    Whole(usize),
    /// The key of the parent and the rest.
    Within(KeyParts),
}

impl KeyForm {
    /// The form of the keys of a kind; `None` if files can refer to its records only by identifiers.
    #[must_use]
    pub fn of(kind: Kind) -> Option<Self> {
        let columns = RecordKind::of(kind)?.columns;
        let index_of = |name| columns.iter().position(|column| column.name == name);
        let within = |parent_column: usize, rest_column| {
            let parent = target(columns.get(parent_column)?)?;
            Some(Self::Within(KeyParts { parent_column, parent, rest_column }))
        };
        match columns.iter().enumerate().find_map(|(index, column)| Some((index, column.key?))) {
            Some((index, KeyScope::Parent(parent))) => within(index_of(parent)?, index),
            Some((index, KeyScope::Organization | KeyScope::Installation)) => Some(Self::Whole(index)),
            None => match identity_columns(columns)[..] {
                [parent_column, rest_column] => within(parent_column, rest_column),
                _ => None,
            },
        }
    }
}

/// The indexes of the columns by whose values a record is found again: those of its key and the key's parent, or of its
/// identity.
#[must_use]
pub fn identity_columns(columns: &[Column]) -> Vec<usize> {
    let key = columns.iter().enumerate().find_map(|(index, column)| Some((index, column.key?)));
    match key {
        Some((index, KeyScope::Parent(parent))) => {
            columns.iter().position(|column| column.name == parent).into_iter().chain([index]).collect()
        }
        Some((index, _)) => vec![index],
        None => (0..columns.len()).filter(|index| columns[*index].is_identity).collect(),
    }
}

/// The kind that a column refers to, and whether it is a list.
fn target(column: &Column) -> Option<Kind> {
    let (ColumnType::Id(prefix) | ColumnType::Ids(prefix)) = column.column_type else { return None };
    RecordKind::all().iter().find(|kind| kind.prefix == prefix).map(|kind| kind.kind)
}

/// The references of the records of a kind, in the order of their columns. Those that only the server sets are left out.
#[must_use]
pub fn references(kind: Kind) -> &'static [ReferenceColumn] {
    static ALL: LazyLock<HashMap<Kind, Vec<ReferenceColumn>>> =
        LazyLock::new(|| RecordKind::all().iter().map(|kind| (kind.kind, references_of(kind))).collect());
    ALL.get(&kind).map_or(&[], Vec::as_slice)
}

fn references_of(kind: &RecordKind) -> Vec<ReferenceColumn> {
    let columns = kind.columns.iter().enumerate().filter(|(_, column)| !column.is_derived);
    let targets: Vec<_> = columns.filter_map(|(index, column)| Some((index, column, target(column)?))).collect();
    let reference = |(column, properties, kind): &(usize, &'static Column, Kind)| {
        let label = properties.label;
        let key_label = match label.strip_suffix("_ids") {
            Some(stem) => format!("{stem}_keys"),
            None => format!("{}_key", label.strip_suffix("_id").unwrap_or(label)),
        };
        let parent = match KeyForm::of(*kind) {
            Some(KeyForm::Within(KeyParts { parent, .. })) => Some(parent),
            _ => None,
        };
        let scope = targets.iter().position(|(other, _, target)| other != column && Some(*target) == parent);
        ReferenceColumn {
            column: *column,
            target: *kind,
            is_list: matches!(properties.column_type, ColumnType::Ids(_)),
            id_field: field_name(properties),
            key_field: key_label.to_lower_camel_case(),
            scope,
        }
    };
    targets.iter().map(reference).collect()
}

/// The rank of a kind: above those of all other kinds that its records refer to.
#[must_use]
pub fn rank(kind: Kind) -> usize {
    let targets = references(kind).iter().map(|reference| reference.target).filter(|target| *target != kind);
    targets.map(|target| rank(target) + 1).max().unwrap_or_default()
}

/// The reference of a kind's records to others of the same kind, if there is one.
#[must_use]
pub fn self_reference(kind: Kind) -> Option<&'static ReferenceColumn> {
    references(kind).iter().find(|reference| reference.target == kind)
}
