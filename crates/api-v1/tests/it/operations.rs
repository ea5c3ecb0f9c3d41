//! Rules that hold for every operation of the document. A new operation is tested as soon as it is in the document.

mod path_params;

use scopes::Scope;
use serde_json::Value;
use webhooks::EventType;

pub(crate) use path_params::PathParams;

use crate::support::{Client, Operation, TestApi, operations};

/// The operations that require no scope. This list may only shrink.
const PUBLIC_OPERATIONS: [&str; 2] = ["getOpenapi", "issueToken"];

/// The path with another parameter of its query.
pub(crate) fn with_query(path: &str, parameter: &str) -> String {
    format!("{path}{}{parameter}", if path.contains('?') { '&' } else { '?' })
}

pub(crate) fn scoped_operations() -> impl Iterator<Item = &'static Operation> {
    operations().iter().filter(|operation| operation.scope.is_some())
}

pub(crate) fn write_operations() -> impl Iterator<Item = &'static Operation> {
    scoped_operations().filter(|operation| operation.is_write())
}

async fn setup() -> (TestApi, PathParams) {
    let api = TestApi::open().await;
    let creator = api.client(api.home, &[Scope::FindingsWrite]).await;
    let params = PathParams::create_records(&api, &creator).await;
    (api, params)
}

/// An API, an account that has every scope, and records that this account may access.
async fn setup_with_full_access() -> (TestApi, Client, PathParams) {
    let (api, params) = setup().await;
    let client = api.full_access_client().await;
    let params = params.with_webhooks_of(&api, &client).await;
    (api, client, params)
}

#[test]
fn every_operation_except_the_public_ones_requires_a_scope() {
    let mut open: Vec<_> =
        operations().iter().filter(|operation| operation.scope.is_none()).map(|open| open.id.as_str()).collect();
    open.sort_unstable();
    assert_eq!(open, PUBLIC_OPERATIONS);
}

#[test]
fn every_operation_other_than_gets_and_the_token_request_is_a_write() {
    let others = operations().iter().filter(|operation| operation.method != "GET" && !operation.is_write());
    assert_eq!(others.map(|operation| operation.id.as_str()).collect::<Vec<_>>(), ["issueToken"]);
    assert!(write_operations().count() >= 4);
    assert!(write_operations().all(|operation| operation.method != "GET"));
}

/// The operations that make or repeat events about a resource, which requires the scope to read it.
const NEEDS_READ_SCOPE: [&str; 4] =
    ["createWebhookSubscription", "rotateWebhookSecret", "redeliverWebhook", "recoverWebhookDeliveries"];

#[tokio::test]
async fn the_example_of_every_operation_succeeds_for_an_account_with_only_its_scope() {
    for operation in scoped_operations() {
        let (api, params) = setup().await;
        let mut scopes = vec![operation.scope.unwrap()];
        if NEEDS_READ_SCOPE.contains(&operation.id.as_str()) {
            scopes.extend(EventType::ALL.iter().map(|event| event.scope()));
        }
        let client = api.client(api.home, &scopes).await;
        let params = params.with_webhooks_of(&api, &client).await;
        let response = params.request(&api, operation).auth(&client).send().await;
        let documented =
            operation.definition["responses"].as_object().unwrap().keys().find(|status| status.starts_with('2'));
        assert_eq!(
            Some(response.status.to_string()),
            documented.cloned(),
            "{}: {}",
            operation.id,
            response.body_without_request_id()
        );
    }
}

#[tokio::test]
async fn every_operation_returns_403_and_names_its_scope_to_an_account_with_all_other_scopes() {
    let (api, params) = setup().await;
    for operation in scoped_operations() {
        let scope = operation.scope.unwrap();
        let others: Vec<Scope> = Scope::ALL.iter().copied().filter(|other| *other != scope).collect();
        let client = api.client(api.home, &others).await;
        let response = params.request(&api, operation).auth(&client).send().await.expect(403);
        assert_eq!(response.error_code(), "forbidden", "{}", operation.id);
        assert!(response.message().contains(scope.name()), "{}: {}", operation.id, response.message());
        assert!(response.header("www-authenticate").contains("insufficient_scope"));
    }
}

#[tokio::test]
async fn every_operation_returns_401_with_a_challenge_to_a_request_without_a_token() {
    let (api, params) = setup().await;
    for operation in scoped_operations() {
        let response = params.request(&api, operation).send().await.expect(401);
        assert_eq!(response.error_code(), "unauthenticated", "{}", operation.id);
        assert_eq!(response.header("www-authenticate"), r#"Bearer realm="novantra""#);
    }
}

#[tokio::test]
async fn every_operation_rejects_credentials_that_are_not_a_valid_bearer_token() {
    let (api, params) = setup().await;
    let client = api.full_access_client().await;
    let (id, secret, token) = (client.id(), client.secret.clone(), client.token.clone());
    let basic = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("{id}:{secret}"));
    let twice = format!("Bearer {token}");
    for operation in scoped_operations() {
        for authorization in [
            format!("Bearer {secret}"),
            format!("Bearer {token}x"),
            format!("Bearer x{token}"),
            format!("Basic {basic}"),
            format!("Bearer {token} {token}"),
            "Bearer ".to_owned(),
            "Bearer".to_owned(),
            token.clone(),
        ] {
            let call = params.request(&api, operation).header("authorization", &authorization);
            let response = call.send().await.expect(401);
            assert!(response.header("www-authenticate").contains("error="), "{}: {authorization}", operation.id);
        }
        params
            .request(&api, operation)
            .header("authorization", &twice)
            .header("authorization", &twice)
            .send()
            .await
            .expect(401);
    }
}

#[tokio::test]
async fn every_operation_rejects_an_unknown_query_parameter_and_lists_the_allowed_ones() {
    let (api, client, params) = setup_with_full_access().await;
    for operation in scoped_operations() {
        let path = with_query(&params.path(operation), "stauts=open");
        let call = api.request(&operation.method, &path).auth(&client);
        let response =
            operation.request_example().map_or(call.clone(), |body| call.json(body)).send().await.expect(400);
        assert_eq!(response.error_code(), "validation");
        assert!(response.issue_message("query.stauts").contains("the allowed parameters are: "), "{}", operation.id);
    }
}

#[tokio::test]
async fn every_operation_rejects_x_on_behalf_of() {
    let (api, params) = setup().await;
    let client = api.full_access_client().await;
    for operation in operations() {
        let call = params.request(&api, operation).header("x-on-behalf-of", "user_1");
        let call = if operation.scope.is_some() { call.auth(&client) } else { call };
        let response = call.send().await.expect(400);
        assert_eq!(response.issue_paths(), ["header.X-On-Behalf-Of"], "{}", operation.id);
    }
}

#[tokio::test]
async fn the_head_request_of_every_get_differs_only_in_the_body() {
    let (api, client, params) = setup_with_full_access().await;
    for operation in operations().iter().filter(|operation| operation.method == "GET") {
        let path = params.path(operation);
        let get = api.get(&path).auth(&client).send().await.expect(200);
        let head = api.request("HEAD", &path).auth(&client).send().await.expect(200);
        assert_eq!(head.header("etag"), get.header("etag"));
        assert_eq!(head.header("content-type"), get.header("content-type"));
        if !["listAuditEntries", "streamWebhookEvents"].contains(&operation.id.as_str()) {
            assert_eq!(head.header("content-length"), get.body.len().to_string(), "{}", operation.id);
        }
    }
}

#[tokio::test]
async fn every_write_requires_a_reason_of_ten_to_a_thousand_characters() {
    let (api, client, params) = setup_with_full_access().await;
    for operation in write_operations() {
        for reason in [
            Value::Null,
            "too short".into(),
            format!("   {}   ", "x".repeat(9)).into(),
            "x".repeat(1001).into(),
            7.into(),
        ] {
            let call = params.request_with_reason(&api, operation, Some(&reason)).auth(&client);
            assert_eq!(call.send().await.expect(400).issue_paths(), [operation.reason_path()], "{}", operation.id);
        }
        let call = params.request_with_reason(&api, operation, None).auth(&client);
        assert_eq!(call.send().await.expect(400).issue_paths(), [operation.reason_path()], "{}", operation.id);
        assert_eq!(
            (api.probe.take_events().len(), api.probe.take_write_count()),
            (0, 0),
            "a rejected write changed something"
        );
    }
}

#[tokio::test]
async fn every_read_may_be_cached_only_with_revalidation() {
    let (api, client, params) = setup_with_full_access().await;
    for operation in
        scoped_operations().filter(|operation| operation.method == "GET" && operation.id != "streamWebhookEvents")
    {
        let response = params.request(&api, operation).auth(&client).send().await.expect(200);
        let bytes = if operation.responds_with_bytes() { ", no-transform" } else { "" };
        let expected = format!("private, no-cache{bytes}");
        assert_eq!(response.header("cache-control"), expected, "{}", operation.id);
    }
}

#[tokio::test]
async fn every_operation_reports_its_route_template_to_the_observer_and_never_a_concrete_path() {
    let (api, params) = setup().await;
    let client = api.full_access_client().await;
    for operation in scoped_operations() {
        let response = params.request(&api, operation).auth(&client).send().await;
        let reported = api.observer.last().unwrap();
        assert_eq!(
            (reported.0, reported.1, reported.2),
            (operation.method.clone(), operation.path.as_str(), response.status)
        );
    }
    api.get("/api/v1/nowhere").send().await.expect(404);
    assert_eq!(api.observer.last().unwrap().1, "unmatched");
}
