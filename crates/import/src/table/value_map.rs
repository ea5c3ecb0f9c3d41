//! Values of cells that the caller translates.

use super::{
    cell::TableCell,
    field::{FieldType, TableField, find, names_of, normalized},
};

/// The value of a field in a table, and the one that it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueMap {
    /// The name of the field.
    pub field: String,
    /// The value in the table; empty for a cell without one.
    pub from: String,
    /// The value that it stands for.
    pub to: String,
}

impl ValueMap {
    /// Parses `field:value=value`.
    ///
    /// # Errors
    /// The reason why the text is none.
    pub fn parse(text: &str) -> Result<Self, String> {
        let parts = text.split_once(':').and_then(|(field, values)| {
            let (from, to) = values.rsplit_once('=')?;
            (!field.trim().is_empty()).then_some((field, from, to))
        });
        let (field, from, to) =
            parts.ok_or_else(|| format!("{text}: write FIELD:VALUE=VALUE, such as status:Open=identified"))?;
        Ok(Self { field: field.trim().to_owned(), from: from.trim().to_owned(), to: to.trim().to_owned() })
    }
}

/// A translation of the values of a column.
#[derive(Clone, Debug)]
pub(super) struct Translation {
    pub(super) column: usize,
    from: String,
    pub(super) to: String,
}

impl Translation {
    /// Whether this is the value of the cell: case and spaces around it don't count.
    pub(super) fn matches(&self, cell: &TableCell) -> bool {
        cell.text().is_ok_and(|text| folded(&text) == self.from)
    }
}

/// The translations of values. `column_of` returns the index of the column with a field.
///
/// # Errors
/// All reasons why they can't be used.
pub(super) fn translations(
    fields: &[(String, TableField)],
    value_maps: &[ValueMap],
    column_of: impl Fn(&str) -> Option<usize>,
) -> Result<Vec<Translation>, Vec<String>> {
    let (mut translations, mut errors) = (Vec::<Translation>::new(), Vec::new());
    for ValueMap { field, from, to } in value_maps {
        match translation(fields, &column_of, field, from, to) {
            Ok(translation)
                if translations
                    .iter()
                    .any(|other| (other.column, &other.from) == (translation.column, &translation.from)) =>
            {
                errors.push(format!("--map-value {field}:{from}={to}: the value is named twice"));
            }
            Ok(translation) => translations.push(translation),
            Err(error) => errors.push(format!("--map-value {field}:{from}={to}: {error}")),
        }
    }
    if errors.is_empty() { Ok(translations) } else { Err(errors) }
}

fn translation(
    fields: &[(String, TableField)],
    column_of: impl Fn(&str) -> Option<usize>,
    field: &str,
    from: &str,
    to: &str,
) -> Result<Translation, String> {
    let Some((name, found)) = find(fields, field).filter(|(_, field)| field.column.is_some()) else {
        return Err(format!("there is no field {field:?}; the fields are {}", names_of(fields)));
    };
    if let FieldType::Name(names) = found.field_type
        && !to.is_empty()
        && !names.iter().any(|name| normalized(name) == normalized(to))
    {
        return Err(format!("{name} must be one of: {}", names.join(", ")));
    }
    let column = column_of(name).ok_or_else(|| format!("no column has the field {name}"))?;
    Ok(Translation { column, from: folded(from), to: to.to_owned() })
}

fn folded(text: &str) -> String {
    text.trim().to_lowercase()
}
