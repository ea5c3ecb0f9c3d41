//! The names of fields in files.

use heck::ToLowerCamelCase as _;
use kernel::Column;

/// The name of a column's field in files, which is that of the API.
#[must_use]
pub fn field_name(column: &Column) -> String {
    column.label.to_lower_camel_case()
}
