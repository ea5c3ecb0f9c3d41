//! Signing and verification of access tokens, with keys that are reloaded from the store.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use async_trait::async_trait;
use auth::{Claims, StaleKeys, TokenError, TokenSigner, TokenVerifier};
use crypto::{MasterKey, RotatingKeys};
use kernel::{StoreError, Timestamp};
use store::DynStore;
use tokio::{
    sync::{Notify, watch},
    time::timeout,
};

use crate::failure::Failure;

/// The issuer in tokens: the same for all servers of an installation, and another one for every copy of it.
fn issuer(installation: Option<&str>) -> String {
    format!("novantra-{}", installation.unwrap_or_default())
}

/// Maximum number of cached verified tokens, of about 250 bytes each.
const VERIFIED_TOKENS: usize = 10_000;

/// Timeout of reading the keys from the database, and of a request that waits for them.
const REFRESH_TIMEOUT: Duration = Duration::from_secs(2);

/// The token signing keys of a server.
pub(crate) struct Tokens {
    store: Arc<DynStore>,
    keys: RotatingKeys,
    /// Number of refreshes started.
    started: AtomicU64,
    requested: Notify,
    completed: watch::Sender<CompletedRefresh>,
}

/// A completed refresh of the keys.
#[derive(Clone, Copy, Debug, Default)]
struct CompletedRefresh {
    number: u64,
    succeeded: bool,
}

impl Tokens {
    /// Reads the keys of the store, or returns `None` if it has none.
    ///
    /// # Errors
    /// If the store fails or a key can't be decrypted.
    pub(super) async fn open(master: &MasterKey, store: Arc<DynStore>) -> Result<Option<Self>, Failure> {
        let requested_at = Instant::now();
        let keyring = store.signing_keys().await?;
        if keyring.keys().is_empty() {
            return Ok(None);
        }
        let issuer = issuer(store.installation_id().await?.as_deref());
        let keys = RotatingKeys::open(master.clone(), &keyring, requested_at, &issuer, VERIFIED_TOKENS)?;
        Ok(Some(Self {
            store,
            keys,
            started: AtomicU64::default(),
            requested: Notify::new(),
            completed: watch::Sender::default(),
        }))
    }

    /// Reads the keys again. Only one task may call it, so that refreshes run one after another.
    ///
    /// # Errors
    /// If the store fails, does not answer in time, or a key can't be decrypted.
    pub(crate) async fn refresh(&self) -> Result<(), Failure> {
        let number = self.started.fetch_add(1, Ordering::SeqCst) + 1;
        let requested_at = Instant::now();
        let outcome = match timeout(REFRESH_TIMEOUT, self.store.signing_keys()).await {
            Ok(Ok(keyring)) => self.keys.load(&keyring, requested_at).map_err(Failure::from),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(Failure::new("the database did not answer within 2 s")),
        };
        self.completed.send_replace(CompletedRefresh { number, succeeded: outcome.is_ok() });
        outcome
    }

    /// Checks that the keys were read recently enough to be used.
    ///
    /// # Errors
    /// [`StaleKeys`] if they were not.
    pub(crate) fn check_fresh(&self) -> Result<(), StaleKeys> {
        self.keys.check_fresh()
    }

    /// Waits until a request needs the keys to be refreshed.
    pub(crate) async fn refresh_requested(&self) {
        self.requested.notified().await;
    }
}

impl TokenSigner for Tokens {
    fn sign(&self, claims: &Claims) -> Result<String, StaleKeys> {
        self.keys.sign(claims)
    }
}

#[async_trait]
impl TokenVerifier for Tokens {
    fn verify(&self, token: &str, now: Timestamp) -> Result<Claims, TokenError> {
        self.keys.verify(token, now)
    }

    async fn refresh_keys(&self) -> Result<(), StoreError> {
        let started = self.started.load(Ordering::SeqCst);
        let mut completed = self.completed.subscribe();
        self.requested.notify_one();
        let refresh = timeout(REFRESH_TIMEOUT, completed.wait_for(|refresh| refresh.number > started)).await;
        match refresh {
            Ok(Ok(refresh)) if refresh.succeeded => Ok(()),
            _ => Err(StoreError::Unavailable("the signing keys can't be read".into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use kernel::{OrganizationId, Reason};
    use scopes::ScopeSet;

    use super::*;
    use crate::{
        compose::{Installation, OpenMode},
        operations::{Operator, retire_signing_key},
        settings::{Settings, Sources, collect},
    };

    const NOW: Timestamp = Timestamp::from_millis(0);

    async fn installation() -> Installation {
        let environment = vec![("NOVANTRA_DATABASE_URL".to_owned(), "memory:".to_owned())];
        let values = collect(&Sources { environment, ..Sources::default() }).unwrap();
        Installation::open(&Settings::parse(&values).unwrap(), OpenMode::Serve).await.unwrap()
    }

    /// The token keys of another server of the installation.
    async fn another(installation: &Installation) -> Arc<Tokens> {
        let store = Arc::clone(&installation.store);
        Arc::new(Tokens::open(&installation.keys.master, store).await.unwrap().unwrap())
    }

    /// Retires the current signing key, so that a new one signs immediately.
    async fn replace_the_key(installation: &Installation) {
        let operator = Operator::for_server(installation.clone(), Reason::parse("a test replaces the key").unwrap());
        let keyring = installation.store.signing_keys().await.unwrap();
        retire_signing_key(&operator, &keyring.signing().unwrap().key.id).await.unwrap();
    }

    fn token(server: &Tokens) -> String {
        let claims = Claims {
            account: "svc_01HZX3V6T9C6Q4W8N2D5K7M1RB".parse().unwrap(),
            organization: OrganizationId::INSTALLATION,
            scopes: ScopeSet::EMPTY,
            issued_at: NOW,
            expires_at: NOW + Duration::from_secs(900),
            id: "token".to_owned(),
        };
        server.sign(&claims).unwrap()
    }

    #[tokio::test]
    async fn a_token_of_a_new_key_verifies_after_one_refresh() {
        let installation = installation().await;
        let (one, other) = (another(&installation).await, another(&installation).await);
        let before = token(&one);
        assert!(other.verify(&before, NOW).is_ok());
        replace_the_key(&installation).await;
        one.refresh().await.unwrap();
        let after = token(&one);
        assert_eq!(other.verify(&after, NOW), Err(TokenError::UnknownKey));
        let reader = {
            let other = Arc::clone(&other);
            tokio::spawn(async move {
                other.refresh_requested().await;
                other.refresh().await
            })
        };
        other.refresh_keys().await.unwrap();
        assert!(other.verify(&after, NOW).is_ok());
        assert_eq!(other.verify(&before, NOW), Err(TokenError::UnknownKey), "the key of the token is retired");
        assert!(reader.await.unwrap().is_ok());
    }

    #[tokio::test]
    async fn concurrent_requests_with_unknown_keys_share_one_refresh() {
        let installation = installation().await;
        let server = another(&installation).await;
        let requests: Vec<_> = (0..100)
            .map(|_| {
                let server = Arc::clone(&server);
                tokio::spawn(async move { server.refresh_keys().await })
            })
            .collect();
        while server.completed.receiver_count() < requests.len() {
            tokio::task::yield_now().await;
        }
        server.refresh_requested().await;
        server.refresh().await.unwrap();
        for request in requests {
            request.await.unwrap().unwrap();
        }
        assert_eq!(server.started.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_request_fails_if_the_keys_cannot_be_read() {
        let installation = installation().await;
        let server = another(&installation).await;
        installation.store.close().await;
        let waiting = {
            let server = Arc::clone(&server);
            tokio::spawn(async move { server.refresh_keys().await })
        };
        server.refresh_requested().await;
        assert!(server.refresh().await.is_err());
        assert!(matches!(waiting.await.unwrap(), Err(StoreError::Unavailable(_))));
    }
}
