//! An account that may no longer call is refused on its next call, whatever it holds.

use std::{sync::Arc, time::Duration};

use auth::{AccountStatus, ServiceAccount};
use scopes::Scope;
use serde_json::json;

use crate::support::{Client, Fault, House, Port, finding_body, findings_path};

#[tokio::test]
async fn a_disabled_account_is_refused_on_its_next_call_and_gets_no_token() {
    let house = House::open().await;
    let client = house.everyone().await;
    house.get(findings_path()).by(&client).send().await.expect(200);
    house.disable(&client).await;
    let answer = house.get(findings_path()).by(&client).send().await.expect(401);
    assert!(answer.header("www-authenticate").starts_with("Bearer "));
    house.ask_token(&client).await.expect(401);
    house.change(&client, |account| account.with_status(AccountStatus::Active)).await;
    house.get(findings_path()).by(&client).send().await.expect(200);
}

#[tokio::test]
async fn a_scope_taken_away_acts_on_the_next_call_and_one_given_only_on_the_next_token() {
    let house = House::open().await;
    let client = house.client(house.home, &[Scope::FindingsRead, Scope::ControlsRead]).await;
    house.rescope(&client, &[Scope::ControlsRead, Scope::AuditRead]).await;
    house.get(findings_path()).by(&client).send().await.expect(403);
    house.get("/api/v1/governance/controls").by(&client).send().await.expect(200);
    house.get("/api/v1/audit/entries").by(&client).send().await.expect(403);
    let token = house.token(&client).await;
    house.get("/api/v1/audit/entries").bearer(&token).send().await.expect(200);
}

#[tokio::test]
async fn an_account_that_expires_is_refused_from_that_moment_on() {
    let house = House::open().await;
    let client = house.everyone().await;
    let end = house.fixture.now() + Duration::from_secs(30);
    house.change(&client, |account| ServiceAccount { expires_at: Some(end), ..account.clone() }).await;
    house.clock().set(end - Duration::from_millis(1));
    house.get(findings_path()).by(&client).send().await.expect(200);
    house.clock().set(end);
    house.get(findings_path()).by(&client).send().await.expect(401);
}

#[tokio::test]
async fn an_account_that_expires_during_its_call_stores_nothing() {
    let house = Arc::new(House::open().await);
    let client = house.everyone().await;
    let end = house.fixture.now() + Duration::from_secs(30);
    house.change(&client, |account| ServiceAccount { expires_at: Some(end), ..account.clone() }).await;
    house.clock().set(end - Duration::from_millis(1));
    let there = Arc::clone(&house);
    // The key is looked up after the account was admitted and before anything is decided.
    house.watched.before_next(Port::Kept, move || Box::pin(async move { there.clock().set(end) }));
    house.post(findings_path()).by(&client).json(&finding_body("k")).key("k").send().await.expect(401);
    assert!(house.watched.events().is_empty());
}

/// A house where, between the decision of the next write and its commit, the account of the client is changed.
async fn changed_meanwhile(
    change: impl FnOnce(&ServiceAccount) -> ServiceAccount + Send + 'static,
) -> (Arc<House>, Client) {
    let house = Arc::new(House::open().await);
    let client = house.everyone().await;
    let (there, changed) = (Arc::clone(&house), client.clone());
    house.watched.before_next(Port::Commit, move || Box::pin(async move { there.change(&changed, change).await }));
    (house, client)
}

#[tokio::test]
async fn an_account_disabled_between_decision_and_commit_stores_nothing() {
    let (house, client) = changed_meanwhile(|account| account.with_status(AccountStatus::Disabled)).await;
    house.post(findings_path()).by(&client).json(&finding_body("k")).key("k").send().await.expect(401);
    let reader = house.everyone().await;
    assert_eq!(house.get(findings_path()).by(&reader).send().await.json()["findings"], json!([]));
    assert!(house.watched.events().is_empty());
}

#[tokio::test]
async fn a_scope_taken_between_decision_and_commit_stores_nothing() {
    let only_reads = [Scope::FindingsRead].into_iter().collect();
    let (house, client) = changed_meanwhile(move |account| account.with_scopes(only_reads).unwrap()).await;
    house.post(findings_path()).by(&client).json(&finding_body("k")).send().await.expect(403);
    assert_eq!(house.get(findings_path()).by(&client).send().await.json()["findings"], json!([]));
}

#[tokio::test]
async fn a_change_that_leaves_the_account_its_right_does_not_fail_the_write() {
    let (house, client) =
        changed_meanwhile(|account| account.with_limits(auth::AccountLimits { reads: Some(7), writes: None }).unwrap())
            .await;
    house.post(findings_path()).by(&client).json(&finding_body("k")).send().await.expect(201);
    assert_eq!(house.watched.events().len(), 1);
}

#[tokio::test]
async fn a_server_that_can_not_prove_an_accounts_standing_answers_503() {
    let house = House::open().await;
    let client = house.everyone().await;
    house.get(findings_path()).by(&client).send().await.expect(200);
    house.watched.fail(Port::Revision, Fault::Unavailable);
    let answer = house.get(findings_path()).by(&client).send().await.expect(503);
    assert_eq!(answer.error(), "internal");
    assert!(!answer.header("retry-after").is_empty());
}

#[tokio::test]
async fn when_an_account_last_called_is_noted_with_the_upkeep() {
    let house = House::open().await;
    let client = house.everyone().await;
    house.clock().advance(Duration::from_secs(5));
    house.get(findings_path()).by(&client).send().await.expect(200);
    let called = house.fixture.now();
    house.clock().advance(Duration::from_secs(5));
    house.app.keep_up().await.unwrap();
    let meta = client.account.meta;
    assert_eq!(house.fixture.store.last_use(meta.organization, meta.id).await.unwrap(), Some(called));
}

#[tokio::test]
async fn an_account_that_was_changed_after_it_called_is_noted_like_any_other() {
    let house = House::open().await;
    let client = house.everyone().await;
    house.clock().advance(Duration::from_secs(5));
    house.get(findings_path()).by(&client).send().await.expect(200);
    let called = house.fixture.now();
    house.disable(&client).await;
    house.clock().advance(Duration::from_secs(5));
    house.get(findings_path()).by(&client).send().await.expect(401);
    house.app.keep_up().await.unwrap();
    let meta = client.account.meta;
    assert_eq!(house.fixture.store.last_use(meta.organization, meta.id).await.unwrap(), Some(called));
}
