//! Limits of failed attempts, which slow attackers down and lock nobody out.

use std::time::Duration;

use auth::Role;
use novantra_people::Client;

use crate::harness::{EMAIL, Harness, OTHER_PASSWORD, PASSWORD, begun, refused};

/// Fails from this client until the limit refuses, and returns the number of attempts whose password was checked.
async fn exhaust(harness: &Harness, email: &str, client: &Client) -> usize {
    for attempts in 0..200 {
        if refused(harness.sign_in(email, OTHER_PASSWORD, client).await).retry_after.is_some() {
            return attempts;
        }
    }
    panic!("200 failures were not limited");
}

#[tokio::test]
async fn failures_are_limited_for_each_user_and_network_and_the_limit_refills() {
    let harness = Harness::open().await;
    harness.active_user(EMAIL, Role::Lead).await;
    let attacker = harness.client("203.0.113.9");
    assert_eq!(exhaust(&harness, EMAIL, &attacker).await, 5);
    let neighbour = harness.client("203.0.113.200");
    let refusal = refused(harness.sign_in(EMAIL, PASSWORD, &neighbour).await);
    assert!(refusal.retry_after.is_some_and(|wait| wait <= Duration::from_secs(12)), "{refusal:?}");
    begun(harness.sign_in(EMAIL, PASSWORD, &harness.client("192.0.2.7")).await);
    harness.advance(60);
    assert_eq!(exhaust(&harness, EMAIL, &attacker).await, 5);
}

#[tokio::test]
async fn users_who_do_not_exist_are_limited_like_those_who_do() {
    let harness = Harness::open().await;
    harness.active_user(EMAIL, Role::Lead).await;
    for email in [EMAIL, "nobody@b.example", "no address"] {
        let attacker = harness.client("203.0.113.9");
        assert_eq!(exhaust(&harness, email, &attacker).await, 5, "{email}");
        harness.advance(60);
    }
}

#[tokio::test]
async fn a_network_that_tries_many_users_is_limited() {
    let harness = Harness::open().await;
    let attacker = harness.client("203.0.113.9");
    let mut checked = 0;
    for number in 0..100 {
        let email = format!("user{number}@b.example");
        let refusal = refused(harness.sign_in(&email, PASSWORD, &attacker).await);
        checked += usize::from(refusal.retry_after.is_none());
    }
    assert_eq!(checked, 30);
}

#[tokio::test]
async fn successful_sign_ins_are_not_limited() {
    let harness = Harness::open().await;
    harness.active_user(EMAIL, Role::Lead).await;
    for _ in 0..50 {
        harness.signed_in(EMAIL).await;
    }
}

#[tokio::test]
async fn an_attacker_in_the_same_network_does_not_lock_a_trusted_device_out() {
    let harness = Harness::open().await;
    harness.active_user(EMAIL, Role::Lead).await;
    harness.active_user("other@b.example", Role::Lead).await;
    let first = harness.signed_in(EMAIL).await;
    let network = harness.client("192.0.2.7");
    exhaust(&harness, EMAIL, &network).await;
    assert!(refused(harness.sign_in(EMAIL, PASSWORD, &network).await).retry_after.is_some());
    let device = Client { device_cookie: first.device_cookie.clone(), ..network.clone() };
    let again = begun(harness.sign_in(EMAIL, PASSWORD, &device).await);
    assert!(again.device_cookie.is_some());
    // The cookie helps neither another user nor an attacker who has stolen it for long.
    exhaust(&harness, "other@b.example", &network).await;
    assert!(refused(harness.sign_in("other@b.example", PASSWORD, &device).await).retry_after.is_some());
    assert_eq!(exhaust(&harness, EMAIL, &device).await, 5);
    let forged = Client { device_cookie: first.device_cookie.map(|cookie| cookie.replace('A', "B")), ..network };
    assert!(refused(harness.sign_in(EMAIL, PASSWORD, &forged).await).retry_after.is_some());
}

#[tokio::test]
async fn concurrent_failures_do_not_exceed_the_limit() {
    let harness = Harness::open().await;
    harness.active_user(EMAIL, Role::Lead).await;
    let attacker = harness.client("203.0.113.9");
    let attempts = (0..50).map(|_| {
        let (people, client) = (harness.people.clone(), attacker.clone());
        tokio::spawn(async move {
            let password = secrecy::SecretString::from(OTHER_PASSWORD);
            let sign_in = novantra_people::SignIn { workspace: "home", email: EMAIL, password: &password };
            people.sign_in(&sign_in, &client).await.unwrap()
        })
    });
    let mut checked = 0;
    for attempt in attempts.collect::<Vec<_>>() {
        checked += usize::from(refused(attempt.await.unwrap()).retry_after.is_none());
    }
    assert_eq!(checked, 5);
}

#[tokio::test]
async fn cookies_of_many_devices_give_no_more_guesses_than_those_of_two() {
    let harness = Harness::open().await;
    harness.active_user(EMAIL, Role::Lead).await;
    let mut guesses = 0;
    for number in 0..6 {
        let begun = harness.signed_in(EMAIL).await;
        let client = harness.client(&format!("198.51.100.{number}"));
        guesses += exhaust(&harness, EMAIL, &Client { device_cookie: begun.device_cookie, ..client }).await;
    }
    assert_eq!(guesses, 10);
}
