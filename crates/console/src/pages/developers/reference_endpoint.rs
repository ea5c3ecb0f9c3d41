//! An endpoint of the OpenAPI document.

use serde_json::Value;

/// One endpoint of the document.
pub(super) struct Endpoint<'d> {
    /// The method in capital letters.
    pub(super) method: String,
    pub(super) path: &'d str,
    pub(super) operation: &'d Value,
}

impl Endpoint<'_> {
    /// A text of the operation, empty if it has none.
    pub(super) fn text(&self, name: &str) -> &str {
        self.operation[name].as_str().unwrap_or_default()
    }

    /// The tag, which says on which page it is.
    pub(super) fn tag(&self) -> &str {
        self.operation["tags"][0].as_str().unwrap_or("Other")
    }
}
