//! An account that is disabled, expired or without the scope is refused on its next call, even with a valid token.

use std::{sync::Arc, time::Duration};

use auth::{AccountStatus, ServiceAccount};
use scopes::Scope;
use serde_json::json;

use crate::support::{Client, Fault, House, Port, finding_body, findings_path};

#[tokio::test]
async fn a_disabled_account_is_refused_on_its_next_call_and_gets_no_token() {
    let api = House::open().await;
    let client = api.everyone().await;
    api.get(findings_path()).by(&client).send().await.expect(200);
    api.disable(&client).await;
    let response = api.get(findings_path()).by(&client).send().await.expect(401);
    assert!(response.header("www-authenticate").starts_with("Bearer "));
    api.ask_token(&client).await.expect(401);
    api.change(&client, |account| account.with_status(AccountStatus::Active)).await;
    api.get(findings_path()).by(&client).send().await.expect(200);
}

#[tokio::test]
async fn a_scope_taken_away_acts_on_the_next_call_and_one_given_only_on_the_next_token() {
    let api = House::open().await;
    let client = api.client(api.home, &[Scope::FindingsRead, Scope::ControlsRead]).await;
    api.rescope(&client, &[Scope::ControlsRead, Scope::AuditRead]).await;
    api.get(findings_path()).by(&client).send().await.expect(403);
    api.get("/api/v1/governance/controls").by(&client).send().await.expect(200);
    api.get("/api/v1/audit/entries").by(&client).send().await.expect(403);
    let token = api.token(&client).await;
    api.get("/api/v1/audit/entries").bearer(&token).send().await.expect(200);
}

#[tokio::test]
async fn an_account_that_expires_is_refused_from_that_moment_on() {
    let api = House::open().await;
    let client = api.everyone().await;
    let end = api.fixture.now() + Duration::from_secs(30);
    api.change(&client, |account| ServiceAccount { expires_at: Some(end), ..account.clone() }).await;
    api.clock().set(end - Duration::from_millis(1));
    api.get(findings_path()).by(&client).send().await.expect(200);
    api.clock().set(end);
    api.get(findings_path()).by(&client).send().await.expect(401);
}

#[tokio::test]
async fn an_account_that_expires_during_its_call_stores_nothing() {
    let api = Arc::new(House::open().await);
    let client = api.everyone().await;
    let end = api.fixture.now() + Duration::from_secs(30);
    api.change(&client, |account| ServiceAccount { expires_at: Some(end), ..account.clone() }).await;
    api.clock().set(end - Duration::from_millis(1));
    let hook_api = Arc::clone(&api);
    // The idempotency key is looked up after the account is authenticated and before the write is prepared.
    api.watched.before_next(Port::Kept, move || Box::pin(async move { hook_api.clock().set(end) }));
    api.post(findings_path()).by(&client).json(&finding_body("k")).key("k").send().await.expect(401);
    assert!(api.watched.events().is_empty());
}

/// An API where `change` is applied to the account of the client just before the next write is committed.
async fn changed_meanwhile(
    change: impl FnOnce(&ServiceAccount) -> ServiceAccount + Send + 'static,
) -> (Arc<House>, Client) {
    let api = Arc::new(House::open().await);
    let client = api.everyone().await;
    let (hook_api, changed) = (Arc::clone(&api), client.clone());
    api.watched.before_next(Port::Commit, move || Box::pin(async move { hook_api.change(&changed, change).await }));
    (api, client)
}

#[tokio::test]
async fn an_account_disabled_between_decision_and_commit_stores_nothing() {
    let (api, client) = changed_meanwhile(|account| account.with_status(AccountStatus::Disabled)).await;
    api.post(findings_path()).by(&client).json(&finding_body("k")).key("k").send().await.expect(401);
    let reader = api.everyone().await;
    assert_eq!(api.get(findings_path()).by(&reader).send().await.json()["findings"], json!([]));
    assert!(api.watched.events().is_empty());
}

#[tokio::test]
async fn a_scope_taken_between_decision_and_commit_stores_nothing() {
    let only_reads = [Scope::FindingsRead].into_iter().collect();
    let (api, client) = changed_meanwhile(move |account| account.with_scopes(only_reads).unwrap()).await;
    api.post(findings_path()).by(&client).json(&finding_body("k")).send().await.expect(403);
    assert_eq!(api.get(findings_path()).by(&client).send().await.json()["findings"], json!([]));
}

#[tokio::test]
async fn a_change_that_leaves_the_account_its_right_does_not_fail_the_write() {
    let (api, client) =
        changed_meanwhile(|account| account.with_limits(auth::AccountLimits { reads: Some(7), writes: None }).unwrap())
            .await;
    api.post(findings_path()).by(&client).json(&finding_body("k")).send().await.expect(201);
    assert_eq!(api.watched.events().len(), 1);
}

#[tokio::test]
async fn a_server_that_can_not_prove_an_accounts_standing_answers_503() {
    let api = House::open().await;
    let client = api.everyone().await;
    api.get(findings_path()).by(&client).send().await.expect(200);
    api.watched.fail(Port::Revision, Fault::Unavailable);
    let response = api.get(findings_path()).by(&client).send().await.expect(503);
    assert_eq!(response.error(), "internal");
    assert!(!response.header("retry-after").is_empty());
}

#[tokio::test]
async fn when_an_account_last_called_is_noted_with_the_upkeep() {
    let api = House::open().await;
    let client = api.everyone().await;
    api.clock().advance(Duration::from_secs(5));
    api.get(findings_path()).by(&client).send().await.expect(200);
    let called = api.fixture.now();
    api.clock().advance(Duration::from_secs(5));
    api.app.run_periodic().await.unwrap();
    let meta = client.account.meta;
    assert_eq!(api.fixture.store.last_used(meta.organization, meta.id).await.unwrap(), Some(called));
}

#[tokio::test]
async fn an_account_that_was_changed_after_it_called_is_noted_like_any_other() {
    let api = House::open().await;
    let client = api.everyone().await;
    api.clock().advance(Duration::from_secs(5));
    api.get(findings_path()).by(&client).send().await.expect(200);
    let called = api.fixture.now();
    api.disable(&client).await;
    api.clock().advance(Duration::from_secs(5));
    api.get(findings_path()).by(&client).send().await.expect(401);
    api.app.run_periodic().await.unwrap();
    let meta = client.account.meta;
    assert_eq!(api.fixture.store.last_used(meta.organization, meta.id).await.unwrap(), Some(called));
}
