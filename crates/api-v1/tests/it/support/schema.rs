//! A validator of values against the JSON Schemas of the OpenAPI document. It supports the keywords that the document
//! uses and panics at any other, so that none is ignored.

use serde_json::Value;

use super::document::document;

/// The violations of `schema` in `value`, each with its JSON pointer.
pub(crate) fn violations(schema: &Value, value: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    check(schema, value, "", &mut faults);
    faults
}

/// The violations of the schema component of this name in `value`.
pub(crate) fn component_violations(name: &str, value: &Value) -> Vec<String> {
    violations(&document()["components"]["schemas"][name], value)
}

fn check(schema: &Value, value: &Value, pointer: &str, violations: &mut Vec<String>) {
    let mut report = |violation: String| violations.push(format!("{pointer}: {violation}"));
    for (keyword, rule) in schema.as_object().expect("a schema is an object") {
        match keyword.as_str() {
            "type" => {
                let types = rule.as_array().cloned().unwrap_or_else(|| vec![rule.clone()]);
                if !types.iter().any(|expected| has_type(expected.as_str().unwrap(), value)) {
                    report(format!("is not {rule}"));
                }
            }
            "enum" if !rule.as_array().unwrap().contains(value) => report(format!("is not one of {rule}")),
            "required" if value.is_object() => {
                for name in rule.as_array().unwrap() {
                    if value.get(name.as_str().unwrap()).is_none() {
                        report(format!("lacks {name}"));
                    }
                }
            }
            "additionalProperties" if *rule == Value::Bool(false) => {
                for name in value.as_object().into_iter().flatten().map(|(name, _)| name) {
                    if schema["properties"].get(name).is_none() {
                        report(format!("has the unknown member {name}"));
                    }
                }
            }
            "minLength" | "maxLength" | "minItems" | "maxItems" | "minimum" | "maximum" => {
                let size = match value {
                    Value::String(text) => text.chars().count() as i64,
                    Value::Array(items) => items.len() as i64,
                    Value::Number(number) => number.as_i64().unwrap(),
                    _ => continue,
                };
                let bound = rule.as_i64().unwrap();
                if if keyword.starts_with("min") { size < bound } else { size > bound } {
                    report(format!("violates {keyword} {rule}"));
                }
            }
            "format" if *rule == "date-time" && value.as_str().is_some_and(is_not_a_timestamp) => {
                report("is not a timestamp".to_owned());
            }
            _ => {}
        }
    }
    for (keyword, rule) in schema.as_object().unwrap() {
        match keyword.as_str() {
            "$ref" => {
                let name = rule.as_str().unwrap().strip_prefix("#/components/schemas/").unwrap();
                check(&document()["components"]["schemas"][name], value, pointer, violations);
            }
            "properties" => {
                for (name, schema) in rule.as_object().unwrap() {
                    if let Some(value) = value.get(name) {
                        check(schema, value, &format!("{pointer}/{name}"), violations);
                    }
                }
            }
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(rule, item, &format!("{pointer}/{index}"), violations);
                }
            }
            "allOf" => {
                for schema in rule.as_array().unwrap() {
                    check(schema, value, pointer, violations);
                }
            }
            "anyOf" | "oneOf" => {
                if !rule.as_array().unwrap().iter().any(|schema| self::violations(schema, value).is_empty()) {
                    violations.push(format!("{pointer}: matches none of {rule}"));
                }
            }
            "type"
            | "enum"
            | "required"
            | "additionalProperties"
            | "minLength"
            | "maxLength"
            | "minItems"
            | "maxItems"
            | "minimum"
            | "maximum"
            | "format"
            | "description"
            | "default"
            | "readOnly"
            | "pattern" => {}
            unknown => panic!("the schema validator of the tests does not support the keyword {unknown}"),
        }
    }
}

fn is_not_a_timestamp(text: &str) -> bool {
    text.parse::<kernel::Timestamp>().is_err()
}

fn has_type(expected: &str, value: &Value) -> bool {
    match expected {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("the schema validator of the tests does not support the type {other}"),
    }
}
