//! An account that is disabled, expired or without the scope is refused on its next call, even with a valid token.

use std::{sync::Arc, time::Duration};

use auth::{AccountStatus, ServiceAccount};
use scopes::Scope;
use serde_json::json;

use crate::support::{Call, Client, Fault, TestApi, finding_body, findings_path};

#[tokio::test]
async fn a_disabled_account_is_refused_on_its_next_call_and_gets_no_token() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    api.get(findings_path()).auth(&client).send().await.expect(200);
    api.disable(&client).await;
    let response = api.get(findings_path()).auth(&client).send().await.expect(401);
    assert!(response.header("www-authenticate").starts_with("Bearer "));
    api.request_token(&client).await.expect(401);
    api.change_account(&client, |account| account.with_status(AccountStatus::Active)).await;
    api.get(findings_path()).auth(&client).send().await.expect(200);
}

#[tokio::test]
async fn a_removed_scope_takes_effect_on_the_next_call_and_an_added_one_with_the_next_token() {
    let api = TestApi::open().await;
    let client = api.client(api.home, &[Scope::FindingsRead, Scope::ControlsRead]).await;
    api.set_scopes(&client, &[Scope::ControlsRead, Scope::AuditRead]).await;
    api.get(findings_path()).auth(&client).send().await.expect(403);
    api.get("/api/v1/governance/controls").auth(&client).send().await.expect(200);
    api.get("/api/v1/audit/entries").auth(&client).send().await.expect(403);
    let token = api.new_token(&client).await;
    api.get("/api/v1/audit/entries").bearer_auth(&token).send().await.expect(200);
}

#[tokio::test]
async fn an_account_is_refused_from_the_moment_of_its_expiry() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let end = api.fixture.now() + Duration::from_secs(30);
    api.change_account(&client, |account| ServiceAccount { expires_at: Some(end), ..account.clone() }).await;
    api.clock().set(end - Duration::from_millis(1));
    api.get(findings_path()).auth(&client).send().await.expect(200);
    api.clock().set(end);
    api.get(findings_path()).auth(&client).send().await.expect(401);
}

#[tokio::test]
async fn a_write_whose_account_expires_meanwhile_stores_nothing() {
    let api = Arc::new(TestApi::open().await);
    let client = api.full_access_client().await;
    let end = api.fixture.now() + Duration::from_secs(30);
    api.change_account(&client, |account| ServiceAccount { expires_at: Some(end), ..account.clone() }).await;
    api.clock().set(end - Duration::from_millis(1));
    let hook_api = Arc::clone(&api);
    // The idempotency key is looked up after the account is authenticated and before the write is prepared.
    api.probe.before_next(Call::StoredResponse, move || Box::pin(async move { hook_api.clock().set(end) }));
    api.post(findings_path()).auth(&client).json(&finding_body("k")).idempotency_key("k").send().await.expect(401);
    assert!(api.probe.take_events().is_empty());
}

/// An API where `change` is applied to the account of the client just before the next write is committed.
async fn change_account_before_commit(
    change: impl FnOnce(&ServiceAccount) -> ServiceAccount + Send + 'static,
) -> (Arc<TestApi>, Client) {
    let api = Arc::new(TestApi::open().await);
    let client = api.full_access_client().await;
    let (hook_api, changed) = (Arc::clone(&api), client.clone());
    api.probe
        .before_next(Call::Commit, move || Box::pin(async move { hook_api.change_account(&changed, change).await }));
    (api, client)
}

#[tokio::test]
async fn a_write_whose_account_is_disabled_before_its_commit_stores_nothing() {
    let (api, client) = change_account_before_commit(|account| account.with_status(AccountStatus::Disabled)).await;
    api.post(findings_path()).auth(&client).json(&finding_body("k")).idempotency_key("k").send().await.expect(401);
    let reader = api.full_access_client().await;
    assert_eq!(api.get(findings_path()).auth(&reader).send().await.json()["findings"], json!([]));
    assert!(api.probe.take_events().is_empty());
}

#[tokio::test]
async fn a_write_whose_scope_is_removed_before_its_commit_stores_nothing() {
    let only_reads = [Scope::FindingsRead].into_iter().collect();
    let (api, client) = change_account_before_commit(move |account| account.with_scopes(only_reads).unwrap()).await;
    api.post(findings_path()).auth(&client).json(&finding_body("k")).send().await.expect(403);
    assert_eq!(api.get(findings_path()).auth(&client).send().await.json()["findings"], json!([]));
}

#[tokio::test]
async fn an_account_change_that_keeps_the_scope_does_not_fail_a_concurrent_write() {
    let (api, client) = change_account_before_commit(|account| {
        account.with_limits(auth::AccountLimits { reads: Some(7), writes: None }).unwrap()
    })
    .await;
    api.post(findings_path()).auth(&client).json(&finding_body("k")).send().await.expect(201);
    assert_eq!(api.probe.take_events().len(), 1);
}

#[tokio::test]
async fn a_server_that_cannot_check_the_status_of_an_account_returns_503() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    api.get(findings_path()).auth(&client).send().await.expect(200);
    api.probe.fail(Call::Revision, Fault::Unavailable);
    let response = api.get(findings_path()).auth(&client).send().await.expect(503);
    assert_eq!(response.error_code(), "internal");
    assert!(!response.header("retry-after").is_empty());
}

#[tokio::test]
async fn the_server_stores_when_an_account_was_last_used() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    api.clock().advance(Duration::from_secs(5));
    api.get(findings_path()).auth(&client).send().await.expect(200);
    let called = api.fixture.now();
    api.clock().advance(Duration::from_secs(5));
    api.app.store_last_used().await.unwrap();
    let meta = client.account.meta;
    assert_eq!(api.fixture.store.last_used(meta.organization, meta.id).await.unwrap(), Some(called));
}

#[tokio::test]
async fn the_last_use_of_an_account_is_recorded_even_if_the_account_changed_afterwards() {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    api.clock().advance(Duration::from_secs(5));
    api.get(findings_path()).auth(&client).send().await.expect(200);
    let called = api.fixture.now();
    api.disable(&client).await;
    api.clock().advance(Duration::from_secs(5));
    api.get(findings_path()).auth(&client).send().await.expect(401);
    api.app.store_last_used().await.unwrap();
    let meta = client.account.meta;
    assert_eq!(api.fixture.store.last_used(meta.organization, meta.id).await.unwrap(), Some(called));
}
