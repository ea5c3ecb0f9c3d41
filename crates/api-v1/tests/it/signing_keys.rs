//! Tokens signed with keys that the server has not loaded yet, and servers whose keys are stale.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use auth::{Claims, StaleKeys, TokenError, TokenVerifier};
use http_api::ApiSettings;
use kernel::{StoreError, Timestamp};

use crate::support::{Client, TestApi, findings_path};

/// A verifier that fails with a given error until its keys are refreshed.
struct FakeVerifier {
    inner: Arc<dyn TokenVerifier>,
    /// The error that every verification returns; `None` delegates to the inner verifier.
    error: Mutex<Option<TokenError>>,
    /// Whether a refresh clears the error.
    refresh_succeeds: bool,
    /// The number of refreshes.
    refreshes: AtomicU64,
}

#[async_trait]
impl TokenVerifier for FakeVerifier {
    fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, TokenError> {
        match self.error.lock().unwrap().clone() {
            Some(error) => Err(error),
            None => self.inner.verify(token, now),
        }
    }

    async fn refresh_keys(&self) -> Result<(), StoreError> {
        self.refreshes.fetch_add(1, Ordering::SeqCst);
        if self.refresh_succeeds {
            *self.error.lock().unwrap() = None;
        }
        Ok(())
    }
}

async fn setup(error: TokenError, refresh_succeeds: bool) -> (TestApi, Client, Arc<FakeVerifier>) {
    let mut captured = None;
    let api = TestApi::with_verifier(ApiSettings::default(), |inner| {
        let verifier = Arc::new(FakeVerifier {
            inner,
            error: Mutex::new(Some(error)),
            refresh_succeeds,
            refreshes: AtomicU64::default(),
        });
        captured = Some(Arc::clone(&verifier));
        verifier
    })
    .await;
    let client = api.full_access_client().await;
    (api, client, captured.unwrap())
}

#[tokio::test]
async fn a_token_signed_with_a_newly_published_key_is_accepted_after_one_refresh() {
    let (api, client, verifier) = setup(TokenError::UnknownKey, true).await;
    for _ in 0..2 {
        api.get(findings_path()).auth(&client).send().await.expect(200);
    }
    assert_eq!(verifier.refreshes.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_token_signed_with_an_unknown_key_is_rejected_after_one_refresh() {
    let (api, client, verifier) = setup(TokenError::UnknownKey, false).await;
    api.get(findings_path()).auth(&client).send().await.expect(401);
    assert_eq!(verifier.refreshes.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_server_with_stale_signing_keys_returns_503() {
    let (api, client, verifier) = setup(TokenError::Stale(StaleKeys), false).await;
    let response = api.get(findings_path()).auth(&client).send().await.expect(503);
    assert!(!response.header("retry-after").is_empty());
    assert_eq!(verifier.refreshes.load(Ordering::SeqCst), 0);
}
