//! The OpenAPI document. The request builder checks that every response of every test is documented.

use std::collections::BTreeSet;

use crate::support::{TestApi, body_examples, document, error_codes, operations, violations};

#[test]
fn operation_ids_are_unique() {
    let ids: BTreeSet<_> = operations().iter().map(|operation| &operation.id).collect();
    assert_eq!(ids.len(), operations().len());
}

#[test]
fn every_documented_example_matches_its_schema() {
    for operation in operations() {
        let responses = operation.definition["responses"].as_object().unwrap().values();
        let bodies =
            responses.chain([&operation.definition["requestBody"]]).filter_map(|body| body["content"].as_object());
        for media in bodies.flat_map(|content| content.values()) {
            let examples = body_examples(media);
            assert!(!examples.is_empty(), "{} has no example", operation.id);
            for example in examples {
                let found = violations(&media["schema"], example);
                assert!(found.is_empty(), "{}: {found:?}", operation.id);
            }
        }
    }
}

#[test]
fn every_operation_documents_its_purpose_and_its_errors() {
    for operation in operations() {
        for member in ["summary", "description"] {
            assert!(operation.definition[member].as_str().is_some_and(|text| !text.is_empty()), "{}", operation.id);
        }
        let responses = operation.definition["responses"].as_object().unwrap();
        // 206 is the response to a range of what 200 responds with.
        let successes: Vec<_> = responses.keys().filter(|status| status.starts_with('2')).collect();
        assert!(successes.len() == 1 || successes == ["200", "206"], "{}", operation.id);
        let always: &[&str] = if operation.scope.is_some() {
            &["400", "401", "403", "406", "429", "500", "503"]
        } else {
            &["400", "406", "500", "503"]
        };
        for status in always {
            assert!(responses.contains_key(*status), "{} does not document {status}", operation.id);
        }
        for (status, response) in responses {
            assert!(response["description"].as_str().is_some_and(|text| !text.is_empty()), "{} {status}", operation.id);
            assert!(response["headers"]["X-Request-Id"].is_object(), "{} {status}", operation.id);
        }
    }
}

/// The request builder checks that no response has another error code.
#[test]
fn every_error_of_an_operation_is_documented_with_an_example() {
    for operation in operations() {
        for (status, response) in operation.definition["responses"].as_object().unwrap() {
            if status.as_str() < "400" {
                continue;
            }
            let codes = error_codes(operation, status);
            assert!(!codes.is_empty(), "{} {status} lists no error code", operation.id);
            let examples = body_examples(&response["content"]["application/json"]);
            assert_eq!(examples.len(), codes.len(), "{} {status}", operation.id);
            assert!(codes.iter().all(|code| examples.iter().any(|example| example["error"] == *code)));
        }
        let parameters = operation.definition["parameters"].as_array().unwrap();
        let is_list = parameters.iter().any(|parameter| parameter["name"] == "cursor");
        assert_eq!(error_codes(operation, "400").contains(&"invalid_cursor"), is_list, "{}", operation.id);
    }
    let token = operations().iter().find(|operation| operation.id == "issueToken").unwrap();
    let bad = ["validation", "invalid_request", "unsupported_grant_type", "invalid_scope"];
    assert_eq!(error_codes(token, "400"), bad);
    assert_eq!(error_codes(token, "401"), ["invalid_client"]);
}

#[test]
fn every_path_parameter_is_documented_and_every_reference_resolves() {
    for operation in operations() {
        let parameters = operation.definition["parameters"].as_array().unwrap();
        for name in operation.path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}')) {
            let described = parameters.iter().find(|parameter| parameter["name"] == name);
            assert_eq!(described.unwrap()["in"], "path", "{}", operation.id);
        }
        let names: BTreeSet<_> = parameters.iter().map(|parameter| parameter["name"].as_str().unwrap()).collect();
        assert_eq!(names.len(), parameters.len(), "{} documents a parameter twice", operation.id);
    }
    let text = document().to_string();
    for reference in text.split("\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(document()["components"]["schemas"].get(name).is_some(), "the document has no schema {name}");
    }
}

/// The schemas of all parameters and of all bodies of requests, with those within them.
fn request_schemas() -> Vec<&'static serde_json::Value> {
    let mut schemas = Vec::new();
    for operation in operations() {
        let parameters = operation.definition["parameters"].as_array().unwrap();
        schemas.extend(parameters.iter().map(|parameter| &parameter["schema"]));
        schemas.extend(operation.request_schema());
    }
    let mut index = 0;
    while index < schemas.len() {
        let schema = schemas[index];
        let properties = schema["properties"].as_object().into_iter().flat_map(|properties| properties.values());
        let nested = schema.get("items").into_iter().chain(schema["anyOf"].as_array().into_iter().flatten());
        schemas.extend(properties.filter(|schema| schema["readOnly"] != true).chain(nested));
        index += 1;
    }
    schemas
}

#[test]
fn no_client_has_to_refuse_a_limit_that_the_server_clamps() {
    let mut limits = 0;
    for operation in operations() {
        for parameter in operation.definition["parameters"].as_array().unwrap() {
            if parameter["name"] == "limit" {
                limits += 1;
                assert_eq!(parameter["schema"].get("maximum"), None, "{}", operation.id);
            }
        }
    }
    assert!(limits > 5);
}

#[test]
fn every_limited_text_of_a_request_has_the_pattern_of_its_characters() {
    let texts = request_schemas().into_iter().filter(|schema| schema.get("minLength").is_some()).collect::<Vec<_>>();
    assert!(texts.len() > 20);
    for schema in texts {
        assert!(schema["pattern"].as_str().is_some_and(|pattern| pattern.starts_with('^')), "{schema}");
    }
}

#[test]
fn every_timestamp_of_a_request_may_be_a_date() {
    let mut times = 0;
    for schema in request_schemas() {
        if let Some(formats) = schema["anyOf"].as_array() {
            let formats: Vec<_> = formats.iter().filter_map(|schema| schema["format"].as_str()).collect();
            assert_eq!(formats, ["date-time", "date"]);
            times += 1;
        }
    }
    let alone = request_schemas().into_iter().filter(|schema| schema["format"] == "date-time").count();
    assert_eq!(alone, times, "a timestamp has no alternative");
}

#[tokio::test]
async fn the_served_document_equals_the_printed_one() {
    let api = TestApi::open().await;
    let served = api.get("/api/v1/openapi.json").send().await.expect(200);
    assert_eq!(served.json(), *document());
    assert_eq!(served.json()["openapi"], "3.1.0");
}
