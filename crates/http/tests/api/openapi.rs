//! The API's document. That every answer of every test is documented is checked where requests are sent.

use std::collections::BTreeSet;

use crate::support::{House, document, example_of, faults, operations};

#[test]
fn operation_ids_are_unique() {
    let ids: BTreeSet<_> = operations().iter().map(|operation| &operation.id).collect();
    assert_eq!(ids.len(), operations().len());
}

#[test]
fn every_documented_example_fits_its_schema() {
    for operation in operations() {
        for (status, response) in operation.described["responses"].as_object().unwrap() {
            let Some(media) = response["content"].get("application/json") else { continue };
            let found = faults(&media["schema"], example_of(operation, status));
            assert!(found.is_empty(), "{} {status}: {found:?}", operation.id);
        }
        for media in
            operation.described["requestBody"]["content"].as_object().into_iter().flat_map(|media| media.values())
        {
            let found = faults(&media["schema"], &media["example"]);
            assert!(found.is_empty(), "{}: {found:?}", operation.id);
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
            assert!(responses.contains_key(*status), "{} lacks {status}", operation.id);
        }
        for (status, response) in responses {
            assert!(response["description"].as_str().is_some_and(|text| !text.is_empty()), "{} {status}", operation.id);
            assert!(response["headers"]["X-Request-Id"].is_object(), "{} {status}", operation.id);
        }
    }
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
        assert_eq!(names.len(), parameters.len(), "{} describes a parameter twice", operation.id);
    }
    let text = document().to_string();
    for reference in text.split("\"#/components/schemas/").skip(1) {
        let name = reference.split('"').next().unwrap();
        assert!(document()["components"]["schemas"].get(name).is_some(), "there is no {name}");
    }
}

#[tokio::test]
async fn the_document_that_is_served_is_the_one_that_is_committed() {
    let house = House::open().await;
    let served = house.get("/api/v1/openapi.json").send().await.expect(200);
    assert_eq!(served.json(), *document());
    assert_eq!(served.json()["openapi"], "3.1.0");
}
