//! The OpenAPI document. The request builder checks that every response of every test is documented.

use std::collections::BTreeSet;

use crate::support::{House, codes_of, document, examples_of, faults, operations};

#[test]
fn operation_ids_are_unique() {
    let ids: BTreeSet<_> = operations().iter().map(|operation| &operation.id).collect();
    assert_eq!(ids.len(), operations().len());
}

#[test]
fn every_documented_example_fits_its_schema() {
    for operation in operations() {
        let responses = operation.described["responses"].as_object().unwrap().values();
        let bodies =
            responses.chain([&operation.described["requestBody"]]).filter_map(|body| body["content"].as_object());
        for media in bodies.flat_map(|content| content.values()) {
            let examples = examples_of(media);
            assert!(!examples.is_empty(), "{} has no example", operation.id);
            for example in examples {
                let found = faults(&media["schema"], example);
                assert!(found.is_empty(), "{}: {found:?}", operation.id);
            }
        }
    }
}

#[test]
fn every_operation_says_what_it_does_and_which_errors_it_can_give() {
    for operation in operations() {
        for member in ["summary", "description"] {
            assert!(operation.described[member].as_str().is_some_and(|text| !text.is_empty()), "{}", operation.id);
        }
        let responses = operation.described["responses"].as_object().unwrap();
        assert_eq!(responses.keys().filter(|status| status.starts_with('2')).count(), 1, "{}", operation.id);
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
fn every_error_an_operation_can_give_is_listed_and_shown() {
    for operation in operations() {
        for (status, response) in operation.described["responses"].as_object().unwrap() {
            if status.as_str() < "400" {
                continue;
            }
            let codes = codes_of(operation, status);
            assert!(!codes.is_empty(), "{} {status} lists no error code", operation.id);
            let examples = examples_of(&response["content"]["application/json"]);
            assert_eq!(examples.len(), codes.len(), "{} {status}", operation.id);
            assert!(codes.iter().all(|code| examples.iter().any(|example| example["error"] == *code)));
        }
        let parameters = operation.described["parameters"].as_array().unwrap();
        let is_list = parameters.iter().any(|parameter| parameter["name"] == "cursor");
        assert_eq!(codes_of(operation, "400").contains(&"invalid_cursor"), is_list, "{}", operation.id);
    }
    let token = operations().iter().find(|operation| operation.id == "issueToken").unwrap();
    let bad = ["validation", "invalid_request", "unsupported_grant_type", "invalid_scope"];
    assert_eq!(codes_of(token, "400"), bad);
    assert_eq!(codes_of(token, "401"), ["invalid_client"]);
}

#[test]
fn every_path_parameter_is_described_and_every_reference_leads_somewhere() {
    for operation in operations() {
        let parameters = operation.described["parameters"].as_array().unwrap();
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

#[tokio::test]
async fn the_document_that_is_served_is_the_one_that_is_printed() {
    let api = House::open().await;
    let served = api.get("/api/v1/openapi.json").send().await.expect(200);
    assert_eq!(served.json(), *document());
    assert_eq!(served.json()["openapi"], "3.1.0");
}
