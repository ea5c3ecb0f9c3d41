//! Records before their references are resolved.

use kernel::Kind;
use serde_json::{Map, Value};

/// A record with the names of the API's fields. A reference may be the key of the parent: `frameworkKey` for
/// `frameworkId`.
#[derive(Clone, Debug, PartialEq)]
pub struct Draft {
    /// The kind of the record.
    pub kind: Kind,
    /// The fields. The server's own fields may be missing.
    pub fields: Map<String, Value>,
}
