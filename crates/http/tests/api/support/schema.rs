//! A check of values against the JSON Schemas of the API's document. It knows the keywords that the document uses and
//! fails on any other, so that none is passed over.

use serde_json::Value;

use super::document::document;

/// What in `value` is not as `schema` has it, with its place.
pub(crate) fn faults(schema: &Value, value: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    check(schema, value, "", &mut faults);
    faults
}

/// The same by a component's name.
pub(crate) fn faults_of_reference(name: &str, value: &Value) -> Vec<String> {
    faults(&document()["components"]["schemas"][name], value)
}

fn check(schema: &Value, value: &Value, place: &str, faults: &mut Vec<String>) {
    let mut fault = |what: String| faults.push(format!("{place}: {what}"));
    for (keyword, rule) in schema.as_object().expect("a schema is an object") {
        match keyword.as_str() {
            "type" => {
                let types = rule.as_array().cloned().unwrap_or_else(|| vec![rule.clone()]);
                if !types.iter().any(|wanted| is_of(wanted.as_str().unwrap(), value)) {
                    fault(format!("is not {rule}"));
                }
            }
            "enum" if !rule.as_array().unwrap().contains(value) => fault(format!("is none of {rule}")),
            "required" if value.is_object() => {
                for name in rule.as_array().unwrap() {
                    if value.get(name.as_str().unwrap()).is_none() {
                        fault(format!("lacks {name}"));
                    }
                }
            }
            "additionalProperties" if *rule == Value::Bool(false) => {
                for name in value.as_object().into_iter().flatten().map(|(name, _)| name) {
                    if schema["properties"].get(name).is_none() {
                        fault(format!("has {name}"));
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
                    fault(format!("breaks {keyword} {rule}"));
                }
            }
            "format" if *rule == "date-time" && value.as_str().is_some_and(is_no_timestamp) => {
                fault("is no timestamp".to_owned());
            }
            _ => {}
        }
    }
    for (keyword, rule) in schema.as_object().unwrap() {
        match keyword.as_str() {
            "$ref" => {
                let name = rule.as_str().unwrap().strip_prefix("#/components/schemas/").unwrap();
                check(&document()["components"]["schemas"][name], value, place, faults);
            }
            "properties" => {
                for (name, schema) in rule.as_object().unwrap() {
                    if let Some(value) = value.get(name) {
                        check(schema, value, &format!("{place}/{name}"), faults);
                    }
                }
            }
            "items" => {
                for (number, item) in value.as_array().into_iter().flatten().enumerate() {
                    check(rule, item, &format!("{place}/{number}"), faults);
                }
            }
            "allOf" => {
                for schema in rule.as_array().unwrap() {
                    check(schema, value, place, faults);
                }
            }
            "anyOf" | "oneOf" => {
                if !rule.as_array().unwrap().iter().any(|schema| self::faults(schema, value).is_empty()) {
                    faults.push(format!("{place}: fits none of {rule}"));
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
            | "pattern" => {}
            unknown => panic!("the tests know nothing of the keyword {unknown}"),
        }
    }
}

fn is_no_timestamp(text: &str) -> bool {
    text.parse::<kernel::Timestamp>().is_err()
}

fn is_of(wanted: &str, value: &Value) -> bool {
    match wanted {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("the tests know nothing of the type {other}"),
    }
}
