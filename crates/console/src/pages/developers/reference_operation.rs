//! One endpoint in the reference of the API.

use std::fmt::Write as _;

use maud::{Markup, html};
use serde_json::Value;

use super::reference_endpoint::Endpoint;
use crate::components::{NONE, card, code_block};

/// The depth to which the fields of a body are listed.
const MAX_DEPTH: usize = 3;

/// The part of the page about one endpoint.
pub(super) fn show(document: &Value, endpoint: &Endpoint<'_>, origin: &str) -> Markup {
    let id = endpoint.text("operationId");
    let operation = endpoint.operation;
    let parameters: Vec<&Value> =
        operation["parameters"].as_array().into_iter().flatten().map(|one| resolve(document, one)).collect();
    let request = &resolve(document, &operation["requestBody"])["content"];
    let response = success(document, operation);
    let body = html! {
        div.body #(id) {
            p { span.http { (endpoint.method) } " " code.any { (endpoint.path) } }
            @if !endpoint.text("description").is_empty() { p.prose { (with_code(endpoint.text("description"))) } }
            @for scope in scopes(operation) { p.small { "Scope: " code.scope { (scope) } } }
            @if !parameters.is_empty() {
                details.numbers {
                    summary { "Parameters" }
                    dl.dl.ref { @for parameter in &parameters { (parameter_row(document, parameter)) } }
                }
            }
            @if let Some(media) = json_media(request) {
                details.numbers {
                    summary { "Body of the request" }
                    dl.dl.ref { @for field in fields(document, &media["schema"], "", 0) { dt { code { (field.0) } } dd { (with_code(&field.1)) } } }
                }
            }
            (code_block(&format!("curl-{id}"), &format!("{} with curl", endpoint.text("summary")), &curl(endpoint, request, origin)))
            @if let Some(example) = response.and_then(json_media).and_then(example) {
                details.numbers {
                    summary { "Example of an answer" }
                    (code_block(&format!("answer-{id}"), "Example of an answer", &example))
                }
            }
            p.small.muted { "Answers: " (statuses(operation)) }
        }
    };
    card(&format!("op-{id}"), endpoint.text("summary"), &NONE, &body)
}

/// A text of the document, in which backticks set code apart.
fn with_code(text: &str) -> Markup {
    html! {
        @for (index, part) in text.split('`').enumerate() {
            @if index % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

/// The value that a reference within the document stands for.
fn resolve<'d>(document: &'d Value, value: &'d Value) -> &'d Value {
    let pointer = value["$ref"].as_str().and_then(|reference| reference.strip_prefix('#'));
    pointer.and_then(|pointer| document.pointer(pointer)).unwrap_or(value)
}

fn scopes(operation: &Value) -> Vec<&str> {
    let requirements = operation["security"].as_array().into_iter().flatten();
    let scopes = requirements.filter_map(Value::as_object).flat_map(|requirement| requirement.values());
    scopes.filter_map(Value::as_array).flatten().filter_map(Value::as_str).collect()
}

fn success<'d>(document: &'d Value, operation: &'d Value) -> Option<&'d Value> {
    let responses = operation["responses"].as_object()?;
    let (_, response) = responses.iter().find(|(status, _)| status.starts_with('2'))?;
    Some(&resolve(document, response)["content"])
}

fn statuses(operation: &Value) -> String {
    let statuses = operation["responses"].as_object().into_iter().flat_map(|responses| responses.keys());
    statuses.map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn json_media(content: &Value) -> Option<&Value> {
    content.get("application/json").or_else(|| content.get("application/merge-patch+json"))
}

fn example(media: &Value) -> Option<String> {
    let example = media.get("example")?;
    serde_json::to_string_pretty(example).ok()
}

fn parameter_row(document: &Value, parameter: &Value) -> Markup {
    let text = |name: &str| parameter[name].as_str().unwrap_or_default();
    let is_required = parameter["required"] == true;
    html! {
        dt { code { (text("name")) } }
        dd {
            span.small.muted { (text("in")) ", " (type_of(document, &parameter["schema"])) @if is_required { ", required" } }
            @if !text("description").is_empty() { br; (with_code(text("description"))) }
        }
    }
}

/// The fields of a body: their names with dots between, and their types with their descriptions.
fn fields(document: &Value, schema: &Value, prefix: &str, depth: usize) -> Vec<(String, String)> {
    let schema = resolve(document, schema);
    let required: Vec<&str> = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut rows = Vec::new();
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let property = resolve(document, property);
        let full = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        let mut meaning = type_of(document, property);
        if required.contains(&name.as_str()) {
            meaning.push_str(", required");
        }
        if let Some(description) = property["description"].as_str() {
            let _ = write!(meaning, ". {description}");
        }
        rows.push((full.clone(), meaning));
        if depth + 1 < MAX_DEPTH {
            let inner = if property["items"].is_object() { &property["items"] } else { property };
            rows.extend(fields(document, inner, &full, depth + 1));
        }
    }
    rows
}

fn type_of(document: &Value, schema: &Value) -> String {
    let schema = resolve(document, schema);
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<&str> = values.iter().filter_map(Value::as_str).collect();
        return format!("one of {}", values.join(", "));
    }
    if schema["items"].is_object() {
        return format!("list of: {}", type_of(document, &schema["items"]));
    }
    if let Some(options) = schema["anyOf"].as_array().or_else(|| schema["oneOf"].as_array()) {
        let types: Vec<String> = options.iter().map(|option| type_of(document, option)).collect();
        return types.join(" or ");
    }
    match &schema["type"] {
        Value::String(name) => match schema["format"].as_str() {
            Some(format) => format!("{name} ({format})"),
            None => name.clone(),
        },
        Value::Array(names) => names.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" or "),
        _ => "any value".to_owned(),
    }
}

/// The call with curl.
fn curl(endpoint: &Endpoint<'_>, request: &Value, origin: &str) -> String {
    let mut command = "curl -s".to_owned();
    if endpoint.method != "GET" {
        let _ = write!(command, " -X {}", endpoint.method);
    }
    let _ = write!(command, " '{origin}{}'", endpoint.path);
    if !scopes(endpoint.operation).is_empty() {
        command.push_str(" \\\n  -H \"Authorization: Bearer $TOKEN\"");
    }
    if let Some(media) = json_media(request) {
        command.push_str(" \\\n  -H 'Content-Type: application/json'");
        if let Some(example) = media.get("example") {
            let text = serde_json::to_string_pretty(example).unwrap_or_default();
            // A single quote ends the quoted text of a shell.
            let _ = write!(command, " \\\n  -d '{}'", text.replace('\'', r"'\''"));
        }
    } else if request.is_object() {
        command.push_str(" \\\n  --data-binary @file");
    }
    command
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_call_has_its_token_and_its_body() {
        let operation = json!({ "operationId": "x", "security": [{ "oauth2": ["governance.findings:write"] }] });
        let endpoint = Endpoint { method: "POST".to_owned(), path: "/api/v1/x", operation: &operation };
        let request = json!({ "application/json": { "example": { "title": "It's here" } } });
        let text = curl(&endpoint, &request, "https://nv.example");
        assert!(
            text.starts_with("curl -s -X POST 'https://nv.example/api/v1/x' \\\n  -H \"Authorization: Bearer $TOKEN\"")
        );
        assert!(text.contains(r"It'\''s here"), "{text}");
    }

    #[test]
    fn backticks_set_code_apart() {
        assert_eq!(with_code("starts as `open` <b>").into_string(), "starts as <code>open</code> &lt;b&gt;");
    }

    #[test]
    fn fields_are_listed_with_what_they_contain() {
        let document = json!({ "components": { "schemas": { "Inner": { "type": "object", "properties": { "b": { "type": "string" } } } } } });
        let schema = json!({
            "type": "object",
            "required": ["a"],
            "properties": { "a": { "$ref": "#/components/schemas/Inner" }, "c": { "enum": ["x", "y"], "description": "Letters." } },
        });
        let rows = fields(&document, &schema, "", 0);
        let row = |name: &str, meaning: &str| (name.to_owned(), meaning.to_owned());
        assert_eq!(rows, [row("a", "object, required"), row("a.b", "string"), row("c", "one of x, y. Letters.")]);
    }
}
