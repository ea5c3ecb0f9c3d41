//! The OpenAPI document of the API. Tests iterate over its operations and check every response against it.

use std::sync::LazyLock;

use serde_json::Value;

use super::schema::violations;

pub(crate) fn document() -> &'static Value {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(|| serde_json::from_str(&api_v1::openapi()).unwrap());
    &DOCUMENT
}

/// The schema, or the component that it refers to.
fn resolve(schema: &'static Value) -> &'static Value {
    let name = schema["$ref"].as_str().and_then(|reference| reference.strip_prefix("#/components/schemas/"));
    name.map_or(schema, |name| &document()["components"]["schemas"][name])
}

/// One operation of the document.
#[derive(Clone, Debug)]
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) scope: Option<scopes::Scope>,
    pub(crate) definition: &'static Value,
}

pub(crate) fn operations() -> &'static [Operation] {
    static OPERATIONS: LazyLock<Vec<Operation>> = LazyLock::new(load_operations);
    &OPERATIONS
}

fn load_operations() -> Vec<Operation> {
    let mut all = Vec::new();
    for (path, methods) in document()["paths"].as_object().unwrap() {
        for (method, described) in methods.as_object().unwrap() {
            let scope = described["security"][0]["serviceAccount"][0].as_str();
            all.push(Operation {
                id: described["operationId"].as_str().unwrap().to_owned(),
                method: method.to_uppercase(),
                path: path.clone(),
                scope: scope.map(|scope| scope.parse().unwrap()),
                definition: described,
            });
        }
    }
    all
}

impl Operation {
    pub(crate) fn parameters(&self) -> impl Iterator<Item = &'static Value> {
        self.definition["parameters"].as_array().unwrap().iter()
    }

    pub(crate) fn is_list(&self) -> bool {
        self.parameters().any(|parameter| parameter["name"] == "cursor")
    }

    pub(crate) fn is_write(&self) -> bool {
        let parameters = self.definition["parameters"].as_array().unwrap();
        parameters.iter().any(|parameter| parameter["name"] == "Idempotency-Key")
    }

    /// The example of the request body, if the operation takes one.
    pub(crate) fn request_example(&self) -> Option<&'static Value> {
        let media = self.definition["requestBody"]["content"].get("application/json")?;
        Some(&media["example"])
    }

    /// The example of the request body, if the operation takes bytes instead of JSON.
    pub(crate) fn bytes_example(&self) -> Option<&'static str> {
        self.definition["requestBody"]["content"].get("application/octet-stream")?["example"].as_str()
    }

    /// Whether the operation responds with bytes instead of JSON.
    pub(crate) fn responds_with_bytes(&self) -> bool {
        self.definition["responses"]["200"]["content"].get("*/*").is_some()
    }

    /// Whether the operation responds with text or with bytes of its own format instead of JSON.
    pub(crate) fn responds_with_text(&self) -> bool {
        let content = &self.definition["responses"]["200"]["content"];
        content.get("text/plain").or(content.get("application/octet-stream")).is_some()
    }

    /// The names and the schemas of the query parameters that a request must have.
    pub(crate) fn required_query_parameters(&self) -> impl Iterator<Item = (&'static str, &'static Value)> {
        let parameters = self.definition["parameters"].as_array().unwrap();
        let required = |parameter: &&Value| {
            parameter["in"] == "query" && parameter["required"] == true && parameter["name"] != "reason"
        };
        parameters.iter().filter(required).map(|parameter| (parameter["name"].as_str().unwrap(), &parameter["schema"]))
    }

    /// Whether the reason is a query parameter because the operation takes no body.
    pub(crate) fn has_no_body(&self) -> bool {
        let parameters = self.definition["parameters"].as_array().unwrap();
        parameters.iter().any(|parameter| parameter["name"] == "reason" && parameter["in"] == "query")
    }

    /// The path of an issue about the reason.
    pub(crate) fn reason_path(&self) -> &'static str {
        if self.has_no_body() { "query.reason" } else { "reason" }
    }

    /// The reason in the example of the request.
    pub(crate) fn reason_example(&self) -> Value {
        if self.has_no_body() {
            "because a test says so".into()
        } else {
            self.request_example().unwrap()["reason"].clone()
        }
    }

    /// The schema of the request body, if the operation takes one.
    pub(crate) fn request_schema(&self) -> Option<&'static Value> {
        let media = self.definition["requestBody"]["content"].get("application/json")?;
        Some(resolve(&media["schema"]))
    }

    fn matches(&self, method: &str, path: &str) -> bool {
        let method = if method == "HEAD" { "GET" } else { method };
        let segments = |path: &str| path.split('/').map(str::to_owned).collect::<Vec<_>>();
        let (template, path) = (segments(&self.path), segments(path));
        self.method == method
            && (template.len() == path.len() || (self.path.ends_with("/{path}") && template.len() < path.len()))
            && template.iter().zip(&path).all(|(expected, actual)| expected.starts_with('{') || expected == actual)
    }
}

/// The operation that handles a request. A literal path segment takes precedence over a path parameter.
fn find_operation(method: &str, path: &str) -> Option<&'static Operation> {
    let path = path.split('?').next().unwrap_or_default();
    let mut candidates: Vec<_> = operations().iter().filter(|operation| operation.matches(method, path)).collect();
    candidates.sort_by_key(|operation| operation.path.matches('{').count());
    let literal = document()["paths"].get(path).is_some();
    candidates.into_iter().next().filter(|operation| !literal || operation.path == path)
}

/// Whether a response with this status to the request has bytes instead of JSON.
pub(crate) fn has_bytes(method: &str, path: &str, status: u16) -> bool {
    let operation = find_operation(method, path).filter(|_| status < 300);
    operation.is_some_and(Operation::responds_with_bytes)
}

/// Whether a response with this status to the request has text, or bytes of the operation's own format.
pub(crate) fn has_text(method: &str, path: &str, status: u16) -> bool {
    let operation = find_operation(method, path).filter(|_| status < 300);
    operation.is_some_and(Operation::responds_with_text)
}

/// Fails unless the document has this status for the request.
pub(crate) fn check_status(method: &str, path: &str, status: u16) {
    let Some(operation) = find_operation(method, path) else { return };
    let responses = &operation.definition["responses"];
    assert!(responses.get(status.to_string()).is_some(), "{} does not document the status {status}", operation.id);
}

/// Fails unless the document has this status with such a body for the request.
pub(crate) fn check_response(method: &str, path: &str, status: u16, body: &Value) {
    let Some(operation) = find_operation(method, path) else { return };
    let Some(response) = operation.definition["responses"].get(status.to_string()) else {
        panic!("{} does not document the status {status}: {body}", operation.id);
    };
    let found = violations(&response["content"]["application/json"]["schema"], body);
    assert!(
        found.is_empty(),
        "{} returns {status} with a body that violates its schema: {found:?} in {body}",
        operation.id
    );
}

/// Fails unless the document has such a line for the request.
pub(crate) fn check_line(method: &str, path: &str, line: &Value) {
    let Some(operation) = find_operation(method, path) else { return };
    let media = &operation.definition["responses"]["200"]["content"]["application/x-ndjson"];
    let found = violations(&media["schema"], line);
    assert!(found.is_empty(), "{} returns a line that violates its schema: {found:?} in {line}", operation.id);
}

/// The examples of a body: the single one and the named ones.
pub(crate) fn body_examples(media: &Value) -> Vec<&Value> {
    let named = media["examples"].as_object().into_iter().flat_map(|examples| examples.values());
    media.get("example").into_iter().chain(named.map(|example| &example["value"])).collect()
}

/// Each error code that the operation documents for this status.
pub(crate) fn error_codes(operation: &Operation, status: &str) -> Vec<&'static str> {
    let schema = resolve(&operation.definition["responses"][status]["content"]["application/json"]["schema"]);
    let codes = schema["allOf"][1]["properties"]["error"]["enum"].as_array();
    codes.into_iter().flatten().map(|code| code.as_str().unwrap()).collect()
}
