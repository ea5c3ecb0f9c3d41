//! The source address of a request, in the audit log and for the rate limits of the token endpoint.

use http_api::{ApiSettings, Quotas};
use serde_json::json;

use crate::support::{Client, TestApi, findings_path};

const TRUSTED_PROXY: &str = "10.0.0.1:40000";
const UNTRUSTED_PEER: &str = "192.0.2.7:40000";

async fn setup(trusted: &str) -> (TestApi, Client) {
    let quotas = Quotas { token_endpoint: 2, ..Quotas::default() };
    let settings = ApiSettings { quotas, trusted_proxies: trusted.parse().unwrap(), ..ApiSettings::default() };
    let api = TestApi::with_settings(settings).await;
    let client = api.full_access_client().await;
    (api, client)
}

/// The source address that is logged for a request from `peer` with this header.
async fn logged_address(api: &TestApi, client: &Client, peer: &str, name: &str, value: &str) -> String {
    let call = api.get(findings_path()).auth(client).source_address(peer).header(name, value);
    let response = call.send().await.expect(200);
    let entries = api.entries_by_request().await;
    entries[response.header("x-request-id")][0].entry.origin.source_address.clone().unwrap()
}

#[tokio::test]
async fn x_forwarded_for_is_trusted_from_a_configured_proxy_and_ignored_from_any_other_peer() {
    let (api, client) = setup("10.0.0.0/8").await;
    let name = "X-Forwarded-For";
    assert_eq!(logged_address(&api, &client, TRUSTED_PROXY, name, "203.0.113.9").await, "203.0.113.9");
    assert_eq!(logged_address(&api, &client, TRUSTED_PROXY, name, "198.51.100.1, 203.0.113.9").await, "203.0.113.9");
    assert_eq!(logged_address(&api, &client, UNTRUSTED_PEER, name, "203.0.113.9").await, "192.0.2.7");
    assert_eq!(logged_address(&api, &client, "[::ffff:192.0.2.7]:1", name, "203.0.113.9").await, "192.0.2.7");
}

#[tokio::test]
async fn no_other_header_sets_the_source_address() {
    let (api, client) = setup("10.0.0.0/8").await;
    for name in ["Forwarded", "X-Real-IP", "X-Client-IP", "True-Client-IP"] {
        assert_eq!(logged_address(&api, &client, TRUSTED_PROXY, name, "for=203.0.113.9").await, "10.0.0.1", "{name}");
    }
}

#[tokio::test]
async fn failed_token_requests_count_against_the_address_behind_the_proxy() {
    let (api, client) = setup("10.0.0.0/8").await;
    let guess = json!({ "grant_type": "client_credentials", "client_id": client.id(), "client_secret": "nvsec_no" });
    let guess = |peer: &str, forwarded_for: &str| {
        api.post("/api/v1/auth/token").json(&guess).source_address(peer).header("x-forwarded-for", forwarded_for).send()
    };
    for status in [401, 401, 429] {
        guess(TRUSTED_PROXY, "203.0.113.9").await.expect(status);
    }
    guess(TRUSTED_PROXY, "203.0.113.200").await.expect(401);
    // An untrusted peer cannot avoid its limit by claiming other addresses.
    for (forwarded_for, status) in [("198.51.100.1", 401), ("198.51.100.2", 401), ("198.51.100.3", 429)] {
        guess(UNTRUSTED_PEER, forwarded_for).await.expect(status);
    }
}
