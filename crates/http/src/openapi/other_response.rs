//! The responses of an operation other than that of its success. Errors with the same codes share a schema, and so
//! generated clients have one type for each of them instead of one for each status of each operation.

use serde_json::{Map, Value, json};

use super::envelope::{code_description, status_description};
use crate::{
    endpoints::{Document, Operation},
    request::Access,
};

/// A response other than that of the operation's success.
pub(super) struct OtherResponse {
    pub(super) status: u16,
    pub(super) description: &'static str,
    /// The `error` codes; none if it is no error.
    pub(super) codes: Vec<&'static str>,
}

/// Returns the other responses of an operation, each status once.
pub(super) fn other_responses(operation: &Operation, document: &Document) -> Vec<OtherResponse> {
    let common: &[u16] = match operation.access {
        Access::Scope(_) | Access::Permission(_) | Access::SignedIn => {
            &[400, 401, 403, 406, 413, 414, 429, 431, 500, 503]
        }
        Access::Public | Access::Unmatched | Access::UnmatchedPage => &[400, 406, 413, 414, 429, 431, 500, 503],
    };
    let mut statuses: Vec<u16> = document.errors.iter().chain(common).copied().collect();
    statuses.sort_unstable();
    statuses.dedup();
    let response = |status| {
        let (description, code) = status_description(status);
        let special = document.codes.iter().find(|(of, _)| *of == status);
        let codes = match special {
            Some((_, codes)) => codes.to_vec(),
            None if code.is_empty() => Vec::new(),
            None => vec![code],
        };
        OtherResponse { status, description, codes }
    };
    statuses.into_iter().map(response).collect()
}

impl OtherResponse {
    /// Returns the name of the schema: `ForbiddenError`, `ValidationOrInvalidCursorError`.
    pub(super) fn schema_name(&self) -> String {
        let codes: Vec<String> = self.codes.iter().map(|code| code.split('_').map(capitalized).collect()).collect();
        format!("{}Error", codes.join("Or"))
    }

    pub(super) fn schema(&self) -> Value {
        json!({
            "allOf": [
                { "$ref": "#/components/schemas/Error" },
                { "type": "object", "properties": { "error": { "type": "string", "enum": self.codes } } },
            ],
        })
    }

    /// Returns the schema of the body, and an example for each code.
    pub(super) fn media(&self) -> Value {
        let example = |code: &str| {
            let message = code_description(code).unwrap_or(self.description);
            json!({ "value": { "error": code, "message": message, "requestId": "req_01KSFQX5Y800000000000000007" } })
        };
        let examples: Map<String, Value> = self.codes.iter().map(|code| ((*code).to_owned(), example(code))).collect();
        json!({
            "schema": { "$ref": format!("#/components/schemas/{}", self.schema_name()) },
            "examples": examples,
        })
    }
}

/// Returns the word with a capital initial.
pub(super) fn capitalized(word: &str) -> String {
    let (initial, rest) = word.split_at(word.len().min(1));
    format!("{}{rest}", initial.to_uppercase())
}
