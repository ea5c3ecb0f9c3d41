//! Calls that are charged to no account, such as those without valid credentials: they are charged to their address, and
//! those that are alike share an audit entry (contract v1 § 5 and § 8).

use std::time::Duration;

use http_api::{ApiSettings, App, Quotas};
use kernel::{FieldValue, OrganizationId, Timestamp};
use serde_json::json;

use crate::support::{Call, Client, Fault, TestApi, TestRequest, findings_path};

const TOKEN_PATH: &str = "/api/v1/auth/token";

async fn setup(unauthenticated: u32) -> (TestApi, Client) {
    let quotas = Quotas { unauthenticated, ..Quotas::default() };
    let api = TestApi::with_settings(ApiSettings { quotas, ..ApiSettings::default() }).await;
    let client = api.full_access_client().await;
    (api, client)
}

/// Every kind of call that is charged to no account, with its name, its status, and how many an address may send a minute
/// if the quota is 20. Failed token calls have a quota of their own.
async fn uncharged_calls(api: &TestApi) -> Vec<(&'static str, TestRequest, u16, usize)> {
    let (disabled, expired) = (api.full_access_client().await, api.full_access_client().await);
    api.clock().advance(Duration::from_secs(900));
    let disabled = Client { token: api.new_token(&disabled).await, ..disabled };
    api.disable(&disabled).await;
    let token = |body| api.post(TOKEN_PATH).json(&body);
    let wrong = json!({
        "grant_type": "client_credentials", "client_id": expired.id(), "client_secret": disabled.secret,
    });
    vec![
        ("without a token", api.get(findings_path()), 401, 20),
        ("with an invalid token", api.get("/api/v1/governance/controls").bearer_auth("nonsense"), 401, 20),
        ("with a malformed header", api.get("/api/v1/audit/entries").header("authorization", "Basic eA=="), 401, 20),
        ("with an expired token", api.get(findings_path()).auth(&expired), 401, 20),
        ("with a disabled account", api.get(findings_path()).auth(&disabled), 401, 20),
        ("to an unknown path", api.get("/api/v1/nowhere"), 404, 20),
        ("with a wrong method", api.request("DELETE", findings_path()), 405, 20),
        ("to an unknown path with an expired token", api.get("/api/v1/nowhere").auth(&expired), 404, 20),
        ("to the document", api.get("/api/v1/openapi.json"), 200, 20),
        ("to the document in another form", api.get("/api/v1/openapi.json").header("accept", "text/html"), 406, 20),
        ("for a token without parameters", token(json!({})), 400, 60),
        ("for a token with a wrong secret", token(wrong), 401, 60),
        ("for a token of no JSON", api.post(TOKEN_PATH).body("text/plain", "x"), 415, 60),
        ("for a token on behalf of another", token(json!({})).header("x-on-behalf-of", "x"), 400, 20),
    ]
}

/// The number of entries and the number of calls that they stand for.
async fn logged(api: &TestApi, after: (usize, usize)) -> (usize, i64) {
    let (home, installation) = (api.audit_log(api.home).await, api.audit_log(OrganizationId::INSTALLATION).await);
    let new: Vec<_> = home[after.0..].iter().chain(&installation[after.1..]).collect();
    let calls = |change: &kernel::Change| match change.after {
        FieldValue::Integer(calls) if change.field.ends_with("calls") => calls,
        _ => panic!("not a number of calls: {change:?}"),
    };
    (new.len(), new.iter().flat_map(|stored| &stored.entry.changes).map(calls).sum())
}

async fn log_lengths(api: &TestApi) -> (usize, usize) {
    (api.audit_log(api.home).await.len(), api.audit_log(OrganizationId::INSTALLATION).await.len())
}

#[tokio::test]
async fn calls_that_are_charged_to_no_account_share_one_entry_a_minute_however_many_there_are() {
    let (api, _) = setup(20).await;
    for (name, call, status, _) in uncharged_calls(&api).await {
        api.clock().advance(Duration::from_secs(120));
        api.app.record_repeated_calls().await.unwrap();
        let before = log_lengths(&api).await;
        assert_eq!(call.clone().send().await.status, status, "a call {name}");
        assert_eq!(logged(&api, before).await, (1, 1), "the entry is stored before the response: a call {name}");
        for _ in 1..80 {
            let response = call.clone().send().await;
            assert!(response.status == status || response.status == 429, "a call {name}: {response:?}");
        }
        assert!(logged(&api, before).await.0 <= 2, "a call {name}");
        api.clock().advance(Duration::from_secs(60));
        api.app.record_repeated_calls().await.unwrap();
        let (entries, calls) = logged(&api, before).await;
        assert!(entries <= 4 && calls == 80, "a call {name}: {entries} entries for {calls} calls");
    }
}

#[tokio::test]
async fn calls_that_are_charged_to_no_account_get_429_once_their_address_has_sent_too_many() {
    let (api, _) = setup(20).await;
    for (name, call, status, max) in uncharged_calls(&api).await {
        api.clock().advance(Duration::from_secs(120));
        for number in 0..max {
            assert_eq!(call.clone().send().await.status, status, "call {number} {name}");
        }
        let refused = call.clone().send().await.expect(429);
        assert!(refused.header("retry-after").parse::<u32>().unwrap() >= 1, "a call {name}");
        assert_eq!(call.source_address("198.51.100.9:1").send().await.status, status, "another address: a call {name}");
    }
}

#[tokio::test]
async fn an_address_that_has_sent_too_many_calls_is_still_served_with_valid_credentials() {
    let (api, client) = setup(3).await;
    for status in [401, 401, 401, 429] {
        api.get(findings_path()).send().await.expect(status);
    }
    api.get(findings_path()).auth(&client).send().await.expect(200);
    api.request_token(&client).await.expect(200);
}

#[tokio::test]
async fn the_expired_tokens_of_one_account_do_not_affect_other_accounts_at_the_same_address() {
    let (api, one) = setup(2).await;
    let other = api.full_access_client().await;
    api.clock().advance(Duration::from_secs(900));
    for status in [401, 401, 429] {
        api.get(findings_path()).auth(&one).send().await.expect(status);
    }
    api.get(findings_path()).auth(&other).send().await.expect(401);
    api.get(findings_path()).send().await.expect(401);
}

#[tokio::test]
async fn a_call_that_fails_because_the_store_is_away_is_charged_to_nothing() {
    let (api, client) = setup(1).await;
    api.probe.fail(crate::support::Call::Revision, crate::support::Fault::Unavailable);
    for _ in 0..3 {
        api.get(findings_path()).auth(&client).send().await.expect(503);
    }
    api.probe.clear_faults();
    api.get(findings_path()).send().await.expect(401);
}

/// The number of calls that the store has counted.
async fn counted(api: &TestApi) -> u64 {
    let counts = api.fixture.store.repeated_calls(Timestamp::MAX, Timestamp::MAX, 1000).await.unwrap();
    counts.iter().map(|counted| counted.calls).sum()
}

#[tokio::test]
async fn at_each_moment_the_store_has_the_count_of_all_calls_that_were_answered() {
    let (api, _) = setup(20).await;
    for repeated in 0..59 {
        let status = api.get(findings_path()).send().await.status;
        assert!(status == 401 || status == 429, "{status}");
        let first_entries = u64::try_from(api.audit_log(OrganizationId::INSTALLATION).await.len()).unwrap();
        assert_eq!(first_entries + counted(&api).await, repeated + 1, "{repeated} s after the first call");
        api.clock().advance(Duration::from_secs(1));
    }
}

#[tokio::test(start_paused = true)]
async fn calls_that_are_buffered_are_counted_in_the_store_within_50_ms() {
    let buffered = ApiSettings { durable_read_audit: false, ..TestApi::unlimited() };
    let api = TestApi::with_settings(buffered).await;
    for _ in 0..300 {
        api.get(findings_path()).send().await.expect(401);
    }
    assert_eq!(counted(&api).await, 0, "a server that is killed now has lost them");
    // The API is never flushed. Its writer begins to wait before time passes, and no more passes while this task yields.
    tokio::task::yield_now().await;
    tokio::time::advance(Duration::from_millis(51)).await;
    let mut yields = 0;
    while counted(&api).await < 299 {
        yields += 1;
        assert!(yields < 100_000, "{} of 299 calls are counted", counted(&api).await);
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn the_count_of_repeated_calls_survives_a_server_that_is_killed() {
    let (api, _) = setup(1000).await;
    for _ in 0..50 {
        api.get(findings_path()).send().await.expect(401);
    }
    // The API is not flushed, as if its process had been killed. Another server stores the entry.
    let other = App::new((*api.app.services).clone());
    api.clock().advance(Duration::from_secs(60));
    other.record_repeated_calls().await.unwrap();
    let log = api.audit_log(OrganizationId::INSTALLATION).await;
    let [first, rest] = &log[..] else { panic!("two entries") };
    assert_eq!(rest.entry.action.as_str(), "finding.listed.refused");
    assert_eq!((rest.entry.status, &rest.entry.origin), (Some(401), &first.entry.origin));
    assert_eq!(rest.entry.changes[0].after, FieldValue::Integer(49));
    api.app.flush().await.unwrap();
    assert_eq!(api.audit_log(OrganizationId::INSTALLATION).await.len(), 2, "the calls are recorded once");
}

#[tokio::test]
async fn a_graceful_stop_records_the_counts_of_a_killed_server_whose_minute_is_over() {
    let (api, _) = setup(1000).await;
    for _ in 0..50 {
        api.get(findings_path()).send().await.expect(401);
    }
    let length = async || api.audit_log(OrganizationId::INSTALLATION).await.len();
    // The API is not flushed, as if its process had been killed.
    let other = App::new((*api.app.services).clone());
    other.flush().await.unwrap();
    assert_eq!(length().await, 1, "the minute is not over, and its server may still run");
    api.clock().advance(Duration::from_secs(60));
    other.flush().await.unwrap();
    let log = api.audit_log(OrganizationId::INSTALLATION).await;
    let [_, rest] = &log[..] else { panic!("two entries") };
    assert_eq!(rest.entry.changes[0].after, FieldValue::Integer(49));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_calls_that_are_alike_have_one_entry_and_are_all_counted() {
    let (api, _) = setup(1000).await;
    let calls: Vec<_> = (0..64).map(|_| tokio::spawn(api.get(findings_path()).send())).collect();
    for call in calls {
        call.await.unwrap().expect(401);
    }
    assert_eq!(api.audit_log(OrganizationId::INSTALLATION).await.len(), 1);
    api.app.flush().await.unwrap();
    assert_eq!(logged(&api, (api.audit_log(api.home).await.len(), 0)).await, (2, 64));
}

#[tokio::test]
async fn a_damaged_entry_does_not_keep_the_counts_after_it_from_being_recorded() {
    let (api, _) = setup(1000).await;
    for path in [findings_path(), "/api/v1/audit/entries"] {
        for _ in 0..5 {
            api.get(path).send().await.expect(401);
        }
    }
    api.clock().advance(Duration::from_secs(60));
    let length = async || api.audit_log(OrganizationId::INSTALLATION).await.len();
    assert_eq!(length().await, 2);
    api.probe.fail_next(Call::Append, Fault::Corrupt);
    assert!(api.app.record_repeated_calls().await.is_err());
    assert_eq!(length().await, 3, "the other count is recorded");
    api.app.record_repeated_calls().await.unwrap();
    assert_eq!(length().await, 4);
}
