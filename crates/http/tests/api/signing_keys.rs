//! Tokens signed with keys that the server has not loaded yet, and servers whose keys are stale.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use api::ApiSettings;
use async_trait::async_trait;
use auth::{Claims, StaleKeys, TokenError, TokenVerifier};
use kernel::{StoreError, Timestamp};

use crate::support::{Client, House, findings_path};

/// A verifier that fails with a given error until its keys are refreshed.
struct Learning {
    keys: Arc<dyn TokenVerifier>,
    /// The error that every verification returns; `None` delegates to the inner verifier.
    lacks: Mutex<Option<TokenError>>,
    /// Whether a refresh clears the error.
    learns: bool,
    /// The number of refreshes.
    looks: AtomicU64,
}

#[async_trait]
impl TokenVerifier for Learning {
    fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, TokenError> {
        match self.lacks.lock().unwrap().clone() {
            Some(error) => Err(error),
            None => self.keys.verify(token, now),
        }
    }

    async fn refresh_keys(&self) -> Result<(), StoreError> {
        self.looks.fetch_add(1, Ordering::SeqCst);
        if self.learns {
            *self.lacks.lock().unwrap() = None;
        }
        Ok(())
    }
}

async fn house(error: TokenError, refresh_succeeds: bool) -> (House, Client, Arc<Learning>) {
    let mut captured = None;
    let api = House::verifying(ApiSettings::default(), |inner| {
        let verifier = Arc::new(Learning {
            keys: inner,
            lacks: Mutex::new(Some(error)),
            learns: refresh_succeeds,
            looks: AtomicU64::default(),
        });
        captured = Some(Arc::clone(&verifier));
        verifier
    })
    .await;
    let client = api.everyone().await;
    (api, client, captured.unwrap())
}

#[tokio::test]
async fn a_token_of_a_key_that_was_just_published_is_good_after_one_look() {
    let (api, client, verifier) = house(TokenError::UnknownKey, true).await;
    for _ in 0..2 {
        api.get(findings_path()).by(&client).send().await.expect(200);
    }
    assert_eq!(verifier.looks.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_token_of_a_key_that_nobody_knows_is_refused_after_one_look() {
    let (api, client, verifier) = house(TokenError::UnknownKey, false).await;
    api.get(findings_path()).by(&client).send().await.expect(401);
    assert_eq!(verifier.looks.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_server_that_does_not_know_which_keys_are_good_answers_503() {
    let (api, client, verifier) = house(TokenError::Stale(StaleKeys), false).await;
    let response = api.get(findings_path()).by(&client).send().await.expect(503);
    assert!(!response.header("retry-after").is_empty());
    assert_eq!(verifier.looks.load(Ordering::SeqCst), 0);
}
