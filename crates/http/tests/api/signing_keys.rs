//! Tokens whose keys a server does not know yet, or knows no longer for certain.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use api::ApiSettings;
use async_trait::async_trait;
use auth::{Claims, StaleKeys, TokenError, TokenVerifier};
use kernel::{StoreError, Timestamp};

use crate::support::{Client, House, findings_path};

/// A verifier whose keys are what a test says.
struct Learning {
    keys: Arc<dyn TokenVerifier>,
    /// What tokens are refused for, if they are.
    lacks: Mutex<Option<TokenError>>,
    /// Whether it learns what it lacks.
    learns: bool,
    looks: AtomicU64,
}

#[async_trait]
impl TokenVerifier for Learning {
    fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, TokenError> {
        match self.lacks.lock().unwrap().clone() {
            Some(lacks) => Err(lacks),
            None => self.keys.verify(token, now),
        }
    }

    async fn catch_up(&self) -> Result<(), StoreError> {
        self.looks.fetch_add(1, Ordering::SeqCst);
        if self.learns {
            *self.lacks.lock().unwrap() = None;
        }
        Ok(())
    }
}

async fn house(lacks: TokenError, learns: bool) -> (House, Client, Arc<Learning>) {
    let mut kept = None;
    let house = House::verifying(ApiSettings::default(), |keys| {
        let learning = Arc::new(Learning { keys, lacks: Mutex::new(Some(lacks)), learns, looks: AtomicU64::default() });
        kept = Some(Arc::clone(&learning));
        learning
    })
    .await;
    let client = house.everyone().await;
    (house, client, kept.unwrap())
}

#[tokio::test]
async fn a_token_of_a_key_that_was_just_published_is_good_after_one_look() {
    let (house, client, learning) = house(TokenError::UnknownKey, true).await;
    for _ in 0..2 {
        house.get(findings_path()).by(&client).send().await.expect(200);
    }
    assert_eq!(learning.looks.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_token_of_a_key_that_nobody_knows_is_refused_after_one_look() {
    let (house, client, learning) = house(TokenError::UnknownKey, false).await;
    house.get(findings_path()).by(&client).send().await.expect(401);
    assert_eq!(learning.looks.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_server_that_does_not_know_which_keys_are_good_answers_503() {
    let (house, client, learning) = house(TokenError::Stale(StaleKeys), false).await;
    let answer = house.get(findings_path()).by(&client).send().await.expect(503);
    assert!(!answer.header("retry-after").is_empty());
    assert_eq!(learning.looks.load(Ordering::SeqCst), 0);
}
