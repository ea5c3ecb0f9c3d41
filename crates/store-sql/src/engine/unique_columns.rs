//! The columns that tell the rows of a table from each other besides their primary key.

use super::column::{Column, column_number};

/// Columns of which no two rows have the same values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UniqueColumns {
    /// The columns, besides the organization.
    pub(crate) columns: Vec<(&'static str, Nulls)>,
    /// Whether rows of different organizations may have the same values.
    pub(crate) is_within_organization: bool,
}

/// The meaning of a column without a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nulls {
    /// Each row has a value.
    Absent,
    /// A row without a value is unlike all others. The column has texts.
    Distinct,
    /// Rows without a value are alike in this column.
    Equal,
}

impl UniqueColumns {
    /// Returns the condition that a row `t` keeps its values, which are those of `v`, and that `more` holds.
    pub(super) fn are_kept(&self, more: &str) -> String {
        let kept = |&(column, nulls): &(&str, Nulls)| match nulls {
            Nulls::Absent | Nulls::Distinct => format!("t.{column} = v.{column}"),
            Nulls::Equal => format!("(t.{column} = v.{column} OR t.{column} IS NULL AND v.{column} IS NULL)"),
        };
        joined(more, self.columns.iter().map(kept))
    }

    /// Returns the condition that a row `o` has the values that are bound for these columns, is of the organization of `t`
    /// if that matters, and that `more` holds.
    pub(super) fn are_bound(&self, columns: &[Column], more: &str) -> String {
        let bound = |&(column, nulls): &(&str, Nulls)| {
            let number = column_number(columns, column);
            match nulls {
                Nulls::Absent => format!("o.{column} = ${number}"),
                // With NULL the condition would be false for any row, and a distributed database would no longer see that
                // both rows are of one organization.
                Nulls::Distinct => format!("o.{column} = COALESCE(${number}, '')"),
                Nulls::Equal => format!("(o.{column} = ${number} OR o.{column} IS NULL AND ${number} IS NULL)"),
            }
        };
        let organization = self.is_within_organization.then(|| "o.organization_id = t.organization_id".to_owned());
        joined(more, self.columns.iter().map(bound).chain(organization))
    }
}

fn joined(first: &str, conditions: impl Iterator<Item = String>) -> String {
    conditions.fold(first.to_owned(), |all, condition| format!("{all} AND {condition}"))
}
