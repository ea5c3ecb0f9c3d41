//! Rate limits: the buckets, their response headers and the audit entries of refused requests.

use std::time::Duration;

use auth::AccountLimits;
use http_api::{ApiSettings, Quotas};
use scopes::Scope;
use serde_json::json;

use crate::support::{Call, Client, Fault, TestApi, TestResponse, finding_body, findings_path};

async fn setup(quotas: Quotas) -> (TestApi, Client) {
    let api = TestApi::with_settings(ApiSettings { quotas, ..ApiSettings::default() }).await;
    let client = api.full_access_client().await;
    (api, client)
}

fn bucket_headers(response: &TestResponse) -> (&str, u32, u32) {
    let number = |name: &str| {
        response.header(name).parse().unwrap_or_else(|_| panic!("the response has no {name} header: {response:?}"))
    };
    (response.header("x-ratelimit-bucket"), number("x-ratelimit-limit"), number("x-ratelimit-remaining"))
}

async fn read(api: &TestApi, client: &Client) -> TestResponse {
    api.get(findings_path()).auth(client).send().await
}

async fn write(api: &TestApi, client: &Client, key: &str) -> TestResponse {
    api.post(findings_path()).auth(client).json(&finding_body(key)).send().await
}

#[tokio::test]
async fn reads_and_writes_have_separate_buckets_and_every_response_shows_the_one_nearest_to_empty() {
    let (api, client) = setup(Quotas::default()).await;
    assert_eq!(bucket_headers(&read(&api, &client).await.expect(200)), ("token-read", 600, 599));
    assert_eq!(bucket_headers(&write(&api, &client, "a").await.expect(201)), ("token-write", 60, 59));
    assert_eq!(bucket_headers(&write(&api, &client, "a").await.expect(409)), ("token-write", 60, 58));
    let response = read(&api, &client).await;
    assert_eq!(bucket_headers(&response), ("token-read", 600, 598));
    let reset: i64 = response.header("x-ratelimit-reset").parse().unwrap();
    assert_eq!(reset, api.fixture.now().seconds() + 1, "two of 600 requests a minute are refilled in 0.2 s");
}

#[tokio::test]
async fn failed_requests_of_every_kind_are_charged() {
    let (api, client) = setup(Quotas { token_read: 8, ..Quotas::default() }).await;
    let unprivileged = api.client(api.home, &[Scope::WebhooksManage]).await;
    let calls = [
        api.get(&format!("{}?nonsense=1", findings_path())).auth(&client),
        api.get(&format!("{}/nonsense", findings_path())).auth(&client),
        api.get(findings_path()).auth(&client).header("accept", "text/html"),
        api.get("/api/v1/nowhere").auth(&client),
        api.request("DELETE", findings_path()).auth(&client),
    ];
    for (index, call) in calls.into_iter().enumerate() {
        let response = call.send().await;
        assert!(response.status >= 400);
        assert_eq!(bucket_headers(&response), ("token-read", 8, 7 - u32::try_from(index).unwrap()));
    }
    let refused = read(&api, &unprivileged).await.expect(403);
    assert_eq!(bucket_headers(&refused), ("token-read", 8, 7));
}

#[tokio::test]
async fn an_account_above_its_limit_gets_retry_after_and_its_429s_are_not_charged() {
    let (api, client) = setup(Quotas { token_read: 3, ..Quotas::default() }).await;
    for _ in 0..3 {
        read(&api, &client).await.expect(200);
    }
    for _ in 0..5 {
        let response = read(&api, &client).await.expect(429);
        assert_eq!(response.error_code(), "rate_limited");
        assert_eq!(response.header("retry-after"), "20");
        assert_eq!(bucket_headers(&response), ("token-read", 3, 0));
    }
    api.clock().advance(Duration::from_millis(19_999));
    assert_eq!(read(&api, &client).await.expect(429).header("retry-after"), "1");
    api.clock().tick();
    read(&api, &client).await.expect(200);
    write(&api, &client, "a").await.expect(201);
}

#[tokio::test]
async fn after_the_clock_was_set_back_an_account_is_served_as_its_bucket_refills_from_then_on() {
    let (api, client) = setup(Quotas { token_read: 3, ..Quotas::default() }).await;
    for _ in 0..3 {
        read(&api, &client).await.expect(200);
    }
    // Within what a token may be ahead of the clock.
    api.clock().set(api.fixture.now() - Duration::from_secs(50));
    for _ in 0..5 {
        assert_eq!(read(&api, &client).await.expect(429).header("retry-after"), "20");
    }
    api.clock().advance(Duration::from_secs(20));
    read(&api, &client).await.expect(200);
}

#[tokio::test]
async fn the_organization_bucket_is_shared_by_its_accounts_and_shown_when_it_is_nearer_to_empty() {
    let (api, one) = setup(Quotas { organization: 5, ..Quotas::default() }).await;
    let two = api.full_access_client().await;
    let other_organization = api.fixture.create_organization("elsewhere").await;
    let other_client = api.client(other_organization, Scope::ALL).await;
    for index in 0..5 {
        let response = read(&api, if index % 2 == 0 { &one } else { &two }).await.expect(200);
        assert_eq!(bucket_headers(&response), ("org", 5, 4 - index));
    }
    assert_eq!(bucket_headers(&write(&api, &two, "a").await.expect(429)), ("org", 5, 0));
    read(&api, &other_client).await.expect(200);
}

#[tokio::test]
async fn a_request_refused_for_the_organization_is_not_charged_to_the_account() {
    let (api, client) = setup(Quotas { organization: 2, token_write: 2, ..Quotas::default() }).await;
    read(&api, &client).await.expect(200);
    read(&api, &client).await.expect(200);
    for _ in 0..4 {
        write(&api, &client, "a").await.expect(429);
    }
    api.clock().advance(Duration::from_secs(30));
    assert_eq!(bucket_headers(&write(&api, &client, "a").await.expect(201)).2, 0);
}

#[tokio::test]
async fn an_account_can_have_its_own_limits() {
    let (api, client) = setup(Quotas::default()).await;
    api.change_account(&client, |account| {
        account.with_limits(AccountLimits { reads: Some(1200), writes: Some(2) }).unwrap()
    })
    .await;
    assert_eq!(bucket_headers(&read(&api, &client).await), ("token-read", 1200, 1199));
    assert_eq!(bucket_headers(&write(&api, &client, "a").await), ("token-write", 2, 1));
}

#[tokio::test]
async fn responses_to_unauthenticated_requests_have_no_rate_limit_headers() {
    let (api, _) = setup(Quotas::default()).await;
    for response in [api.get(findings_path()).send().await, api.get("/api/v1/nowhere").send().await] {
        assert!(!response.headers.contains_key("x-ratelimit-limit"));
    }
}

#[tokio::test]
async fn repeated_429s_of_an_account_are_logged_once_a_minute_with_a_count() {
    let (api, client) = setup(Quotas { token_read: 1, ..Quotas::default() }).await;
    let refusals = async || {
        let log = api.audit_log(api.home).await;
        let refused = log.into_iter().filter(|recorded| recorded.entry.status == Some(429));
        refused.map(|recorded| recorded.entry.changes[0].after.clone()).collect::<Vec<_>>()
    };
    read(&api, &client).await.expect(200);
    for _ in 0..10 {
        read(&api, &client).await.expect(429);
    }
    assert_eq!(refusals().await, [kernel::FieldValue::Integer(1)], "the first refusal is logged at once");
    api.app.record_repeated_calls().await.unwrap();
    assert_eq!(refusals().await.len(), 1, "the others are logged when the minute is over");
    api.clock().advance(Duration::from_secs(60));
    api.app.record_repeated_calls().await.unwrap();
    assert_eq!(refusals().await, [1, 9].map(kernel::FieldValue::Integer));
    api.app.record_repeated_calls().await.unwrap();
    api.app.flush().await.unwrap();
    assert_eq!(refusals().await.len(), 2, "they are logged only once");
}

#[tokio::test]
async fn counted_refusals_that_could_not_be_logged_are_logged_later() {
    let (api, client) = setup(Quotas { token_read: 1, ..Quotas::default() }).await;
    let other = api.full_access_client().await;
    for client in [&client, &other] {
        read(&api, client).await.expect(200);
        for _ in 0..4 {
            read(&api, client).await.expect(429);
        }
    }
    api.clock().advance(Duration::from_secs(60));
    api.probe.fail(Call::Append, Fault::Unavailable);
    api.app.record_repeated_calls().await.unwrap_err();
    api.probe.clear_faults();
    api.app.record_repeated_calls().await.unwrap();
    let log = api.audit_log(api.home).await;
    let refused: Vec<_> = log.iter().filter(|recorded| recorded.entry.status == Some(429)).collect();
    assert_eq!(refused.len(), 4);
    assert!(refused[2..].iter().all(|recorded| recorded.entry.changes[0].after == kernel::FieldValue::Integer(3)));
}

#[tokio::test]
async fn a_refusal_that_could_not_be_logged_is_answered_with_503_and_the_next_one_is_the_first_that_is_logged() {
    let (api, client) = setup(Quotas { token_read: 1, ..Quotas::default() }).await;
    read(&api, &client).await.expect(200);
    api.probe.fail(Call::Append, Fault::Unavailable);
    read(&api, &client).await.expect(503);
    api.probe.clear_faults();
    read(&api, &client).await.expect(429);
    read(&api, &client).await.expect(429);
    api.app.flush().await.unwrap();
    assert_eq!(refusal_counts(&api, |_| true).await, [1, 1]);
}

#[tokio::test]
async fn refusals_are_logged_separately_by_address_and_action() {
    let quotas = Quotas { token_read: 1, token_endpoint: 2, ..Quotas::default() };
    let (api, client) = setup(quotas).await;
    let guess = json!({
        "grant_type": "client_credentials",
        "client_id": client.id(),
        "client_secret": "nvsec_nonsense",
    });
    let guess = api.post("/api/v1/auth/token").json(&guess).source_address("198.51.100.9:1");
    for status in [401, 401, 429, 429, 429] {
        guess.clone().send().await.expect(status);
    }
    let own = api.get(findings_path()).auth(&client);
    for status in [200, 429, 429] {
        own.clone().send().await.expect(status);
    }
    own.source_address("198.51.100.9:1").send().await.expect(429);
    api.app.flush().await.unwrap();
    let from = async |address, action| {
        refusal_counts(&api, |entry| {
            entry.origin.source_address.as_deref() == Some(address) && entry.action.to_string() == action
        })
        .await
    };
    assert_eq!(from("198.51.100.9", "token.issued.refused").await, [1, 2]);
    assert_eq!(from("192.0.2.7", "finding.listed.refused").await, [1, 1]);
    assert_eq!(from("198.51.100.9", "finding.listed.refused").await, [1]);
}

#[tokio::test]
async fn refusals_from_more_addresses_than_are_distinguished_share_an_entry_without_an_address() {
    let (api, client) = setup(Quotas { token_read: 1, ..Quotas::default() }).await;
    read(&api, &client).await.expect(200);
    let refused = async |address: String| {
        api.get(findings_path()).auth(&client).source_address(&address).send().await.expect(429);
    };
    for index in 0..500 {
        refused(format!("10.0.{}.{}:1", index / 250, index % 250)).await;
    }
    for _ in 0..3 {
        refused("10.0.0.1:1".to_owned()).await;
    }
    assert_eq!(refusal_counts(&api, |_| true).await.len(), 33);
    api.app.flush().await.unwrap();
    let of_address = |address: Option<&'static str>| {
        refusal_counts(&api, move |entry| entry.origin.source_address.as_deref() == address)
    };
    assert_eq!(
        of_address(Some("10.0.0.1")).await,
        [1, 3],
        "an address that was counted before still has its own count"
    );
    assert_eq!(of_address(None).await, [1, 467]);
    let log = api.audit_log(api.home).await;
    let summarized = log.iter().filter(|recorded| recorded.entry.action.as_str() == "call.summarized");
    assert_eq!(summarized.filter(|recorded| recorded.entry.origin.route.is_none()).count(), 2);
}

/// The number of refused requests that each entry of a 429 stands for.
async fn refusal_counts(api: &TestApi, which: impl Fn(&kernel::Entry) -> bool) -> Vec<i64> {
    let log = api.audit_log(api.home).await;
    let refused = log.iter().filter(|recorded| recorded.entry.status == Some(429) && which(&recorded.entry));
    let count = |recorded: &audit::StoredEntry| match recorded.entry.changes[0].after {
        kernel::FieldValue::Integer(count) => count,
        _ => panic!("the entry has no count: {recorded:?}"),
    };
    refused.map(count).collect()
}

#[tokio::test]
async fn flushing_the_api_logs_the_counted_refusals() {
    let (api, client) = setup(Quotas { token_read: 1, ..Quotas::default() }).await;
    read(&api, &client).await.expect(200);
    for _ in 0..4 {
        read(&api, &client).await.expect(429);
    }
    api.app.flush().await.unwrap();
    let log = api.audit_log(api.home).await;
    let counts = log.iter().filter(|recorded| recorded.entry.status == Some(429));
    let counts: Vec<_> = counts.map(|recorded| recorded.entry.changes[0].after.clone()).collect();
    assert_eq!(counts, [1, 3].map(kernel::FieldValue::Integer));
}

#[tokio::test]
async fn a_batch_counts_as_one_write() {
    let (api, client) = setup(Quotas { token_write: 2, ..Quotas::default() }).await;
    let item = |number| {
        let mut body = finding_body(&format!("k{number}"));
        body.as_object_mut().unwrap().remove("reason");
        body
    };
    let body = json!({ "findings": (0..500).map(item).collect::<Vec<_>>(), "reason": "because of a test" });
    let call = api.post("/api/v1/governance/findings/batch").auth(&client).json(&body);
    assert_eq!(bucket_headers(&call.send().await.expect(200)), ("token-write", 2, 1));
}
