//! Property-based tests: no request causes a 5xx response.

use std::sync::OnceLock;

use proptest::{collection::vec, prelude::*};
use serde_json::{Map, Value, json};

use crate::{
    operations::PathParams,
    support::{Client, Operation, TestApi, TestRequest, TestResponse, operations},
};

/// The API under test with a client and its records, shared by all cases.
struct SharedApi {
    runtime: tokio::runtime::Runtime,
    api: TestApi,
    client: Client,
    params: PathParams,
    cursor: String,
}

/// One API for all cases, so that later cases run on the records of earlier ones.
fn shared_api() -> &'static SharedApi {
    static STAGE: OnceLock<SharedApi> = OnceLock::new();
    STAGE.get_or_init(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (api, client, params, cursor) = runtime.block_on(async {
            let api = TestApi::open().await;
            let client = api.full_access_client().await;
            let params = PathParams::create_records(&api, &client).await;
            api.create_finding(&client, "another").await;
            let page = api.get("/api/v1/governance/findings?limit=1").auth(&client).send().await.json();
            let cursor = page["pagination"]["nextCursor"].as_str().unwrap().to_owned();
            (api, client, params, cursor)
        });
        SharedApi { runtime, api, client, params, cursor }
    })
}

/// Sends the request. The request builder checks that the response has the envelope and a documented status.
fn send(call: TestRequest) -> Option<TestResponse> {
    shared_api().runtime.block_on(call.try_send())
}

/// Sends the request and fails if the response is a 5xx.
fn assert_no_5xx(call: TestRequest) -> Result<(), TestCaseError> {
    if let Some(response) = send(call) {
        prop_assert!(response.status < 500, "{response:?}");
    }
    Ok(())
}

fn any_operation() -> impl Strategy<Value = &'static Operation> {
    (0..operations().len()).prop_map(|position| &operations()[position])
}

/// A request to the operation without a body, with a token if the operation requires one.
fn request_to(operation: &Operation) -> TestRequest {
    let stage = shared_api();
    let call = stage.api.request(&operation.method, &stage.params.path(operation));
    if operation.scope.is_some() { call.auth(&stage.client) } else { call }
}

/// Arbitrary text, and texts that parsers are likely to mishandle.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-z_]{0,12}",
        Just("\u{0}".to_owned()),
        Just("x".repeat(20_001)),
        Just("find_01KSFQX5Y800000000000000003".to_owned()),
        Just("9999-12-31T23:59:59.999999999-23:59".to_owned()),
        Just("-9999-01-01".to_owned()),
        Just("2016-12-31T23:59:60Z".to_owned()),
    ]
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(|number| json!(number)),
        any_text().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((any_text(), inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// Bodies with members of some operation, whose values may be valid or arbitrary.
fn nearly_valid_body() -> impl Strategy<Value = Value> {
    let name = prop::sample::select(vec![
        "findingKey",
        "title",
        "description",
        "severity",
        "status",
        "sourceKind",
        "sourceModuleKey",
        "subjectModuleKey",
        "subjectResourceType",
        "subjectResourceId",
        "ownerMemberUserId",
        "dueAt",
        "eventType",
        "eventKind",
        "recipientReference",
        "note",
        "externalReference",
        "duplicateOfFindingId",
        "occurredAt",
        "findings",
        "onConflict",
        "url",
        "eventTypes",
        "graceSeconds",
        "since",
        "until",
        "grant_type",
        "client_id",
        "client_secret",
        "scope",
    ]);
    let valid_value = prop::sample::select(vec![
        "open",
        "closed",
        "triaged",
        "remediating",
        "high",
        "manual",
        "comment",
        "reopened",
        "verified_as_duplicate",
        "receipt",
        "rejection",
        "resubmission",
        "withdrawal",
        "skip",
        "update",
        "client_credentials",
        "2026-05-25T14:08:33.000Z",
        "https://mirror.example/",
        "http://127.0.0.1/",
        "active",
        "disabled",
    ]);
    let member = (name, prop_oneof![2 => valid_value.prop_map(Value::from), 1 => any_json()]);
    vec(member, 0..10).prop_map(|members| {
        let mut object: Map<_, _> = members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        object.insert("reason".to_owned(), json!("because a test says so"));
        Value::Object(object)
    })
}

/// The bytes percent-encoded, so that they may occur in a request line.
fn percent_encoded(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("%{byte:02x}")).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_in_a_body_make_a_5xx(operation in any_operation(), body in vec(any::<u8>(), 0..300)) {
        assert_no_5xx(request_to(operation).body("application/json", body.clone()))?;
        assert_no_5xx(request_to(operation).body("application/x-www-form-urlencoded", body.clone()))?;
        assert_no_5xx(request_to(operation).body_without_content_type(body))?;
    }

    #[test]
    fn no_json_in_a_body_makes_a_5xx(operation in any_operation(), body in prop_oneof![any_json(), nearly_valid_body()]) {
        assert_no_5xx(request_to(operation).json(&body))?;
    }

    #[test]
    fn no_item_of_a_batch_makes_a_5xx(items in vec(nearly_valid_body(), 0..6), on_conflict in prop_oneof![Just("skip"), Just("update")]) {
        let items: Vec<Value> = items.into_iter().map(|mut item| {
            item.as_object_mut().unwrap().remove("reason");
            item["findingKey"] = json!("k");
            item["severity"] = json!("low");
            item
        }).collect();
        let body = json!({ "findings": items, "onConflict": on_conflict, "reason": "because a test says so" });
        let stage = shared_api();
        assert_no_5xx(stage.api.post("/api/v1/governance/findings/batch").auth(&stage.client).json(&body))?;
    }

    #[test]
    fn no_example_with_bytes_altered_makes_a_5xx(operation in any_operation(), alterations in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
        let Some(example) = operation.request_example() else { return Ok(()) };
        let mut body = example.to_string().into_bytes();
        for (position, byte) in alterations {
            let position = position.index(body.len());
            body[position] = byte;
        }
        assert_no_5xx(request_to(operation).body("application/json", body))?;
    }

    #[test]
    fn no_query_makes_a_5xx(
        operation in any_operation(),
        parameters in vec((prop_oneof![
            3 => prop::sample::select(vec!["limit", "cursor", "status", "severity", "sourceKind", "findingKey", "subjectResourceId", "createdAfter",
                "createdBefore", "updatedAfter", "updatedBefore", "updated_since", "order", "action", "actorId", "subjectId", "eventType", "eventTypes", "reason"]).prop_map(str::to_owned),
            1 => any_text(),
        ], prop_oneof![
            any_text(),
            prop::sample::select(vec!["updated", "open", "2026-05-25", "0001-01-01", "9999-12-31", "18446744073709551616"]).prop_map(str::to_owned),
        ]), 0..5),
        raw in vec(any::<u8>(), 0..10),
    ) {
        let stage = shared_api();
        let mut query = parameters.iter().map(|(name, value)| {
            format!("{}={}", percent_encoded(name.as_bytes()), percent_encoded(value.chars().take(500).collect::<String>().as_bytes()))
        }).collect::<Vec<_>>().join("&");
        query.push_str(&percent_encoded(&raw));
        let path = format!("{}?{query}", stage.params.path(operation));
        assert_no_5xx(stage.api.request(&operation.method, &path).auth(&stage.client))?;
    }

    #[test]
    fn no_path_makes_a_5xx(method in prop::sample::select(vec!["GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS", "BREW"]), operation in any_operation(), segment in vec(any::<u8>(), 0..40), raw in "[!-~]{0,30}") {
        let stage = shared_api();
        let params = PathParams::filled_with(&percent_encoded(&segment));
        assert_no_5xx(stage.api.request(method, &params.path(operation)).auth(&stage.client))?;
        assert_no_5xx(stage.api.request(method, &format!("/api/v1/{raw}")).auth(&stage.client))?;
        assert_no_5xx(stage.api.request(method, &format!("/{raw}")))?;
    }

    #[test]
    fn no_header_makes_a_5xx(
        operation in any_operation(),
        headers in vec((prop_oneof![
            4 => prop::sample::select(vec!["accept", "accept-encoding", "content-type", "if-match", "if-none-match", "idempotency-key", "user-agent", "authorization",
                "x-on-behalf-of", "content-length", "range", "if-range", "content-disposition", "content-digest", "x-request-id", "cookie", "expect", "transfer-encoding"]).prop_map(str::to_owned),
            1 => "[a-z-]{1,20}",
        ], vec(any::<u8>(), 0..40)), 0..6),
    ) {
        let mut call = request_to(operation);
        if let Some(example) = operation.request_example() {
            call = call.body_without_content_type(example.to_string());
        }
        for (name, value) in headers {
            call = call.header(&name, value);
        }
        assert_no_5xx(call)?;
    }

    #[test]
    fn no_cursor_makes_a_5xx(cursor in "[A-Za-z0-9._%-]{0,120}", position in any::<prop::sample::Index>(), byte in "[A-Za-z0-9_-]") {
        let stage = shared_api();
        let mut altered = stage.cursor.clone();
        let position = position.index(altered.len());
        altered.replace_range(position..=position, &byte);
        for cursor in [cursor, altered.clone()] {
            let call = stage.api.get(&format!("/api/v1/governance/findings?cursor={cursor}")).auth(&stage.client);
            if let Some(response) = send(call) {
                prop_assert!(response.status == 400 || cursor == stage.cursor, "{response:?}");
            }
        }
    }

    #[test]
    fn only_a_valid_token_is_accepted(token in vec(any::<u8>(), 0..200), position in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let stage = shared_api();
        let mut altered = stage.client.token.clone().into_bytes();
        let position = position.index(altered.len());
        altered[position] = byte;
        for token in [token, altered] {
            if token == stage.client.token.as_bytes() {
                continue;
            }
            let header = [b"Bearer ".as_slice(), &token].concat();
            if let Some(response) = send(stage.api.get("/api/v1/organization").header("authorization", header)) {
                prop_assert_eq!(response.status, 401);
            }
        }
    }
}
