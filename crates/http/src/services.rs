//! What the API is put together from.

use std::{sync::Arc, time::Duration};

use auth::{SecretHasher, TokenLifetime, TokenSigner, TokenVerifier};
use kernel::{Clock, Entropy};
use limits::LimitStore;
use store::DynStore;

use crate::forwarded::TrustedProxies;

/// The ports the API works through, and its settings.
#[derive(Clone)]
pub struct Services {
    pub store: Arc<DynStore>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub hasher: Arc<dyn SecretHasher>,
    pub signer: Arc<dyn TokenSigner>,
    pub verifier: Arc<dyn TokenVerifier>,
    pub limits: Arc<dyn LimitStore>,
    pub cursors: Arc<dyn CursorSeal>,
    pub answers: Arc<dyn AnswerSeal>,
    pub observer: Arc<dyn Observer>,
    pub webhook_secrets: Arc<dyn webhooks::Secrets>,
    pub sender: Arc<dyn webhooks::Sender>,
    /// Is rung after a commit that left something to deliver.
    pub bell: Arc<dyn webhooks::Bell>,
    /// Which addresses subscriptions may name.
    pub webhook_addresses: webhooks::AddressPolicy,
    pub settings: ApiSettings,
}

/// Makes cursors opaque and tamper-proof.
pub trait CursorSeal: Send + Sync {
    /// The payload, readable only by [`Self::open`] and fit for a query parameter.
    fn seal(&self, payload: &[u8]) -> String;
    /// The payload of a cursor that was sealed here and not altered.
    fn open(&self, cursor: &str) -> Option<Vec<u8>>;
}

/// Encrypts answers that hold a secret, for as long as they are kept to be given again.
pub trait AnswerSeal: Send + Sync {
    /// The body, encrypted for this purpose alone.
    fn seal(&self, entropy: &dyn Entropy, purpose: &str, body: &[u8]) -> Vec<u8>;
    /// The body that was sealed here for this purpose and not altered.
    fn open(&self, purpose: &str, sealed: &[u8]) -> Option<Vec<u8>>;
}

/// Is told of every answer, for metrics.
pub trait Observer: Send + Sync {
    /// `route` is the route's template, or `unmatched`.
    fn answered(&self, method: &str, route: &'static str, status: u16, took: Duration);
}

/// Settings of the API, with the defaults of `contract/operating.md`.
#[derive(Clone, Debug)]
pub struct ApiSettings {
    pub token_lifetime: TokenLifetime,
    pub idempotency_retention: Duration,
    pub cursor_lifetime: Duration,
    pub quotas: Quotas,
    pub durable_read_audit: bool,
    pub trusted_proxies: TrustedProxies,
    /// Bytes of request bodies that are held at once.
    pub body_memory: usize,
}

/// Calls a minute.
#[derive(Clone, Copy, Debug)]
pub struct Quotas {
    pub token_read: u32,
    pub token_write: u32,
    pub organization: u32,
    pub token_endpoint: u32,
    pub token_endpoint_address: u32,
}

impl Default for Quotas {
    fn default() -> Self {
        Self { token_read: 600, token_write: 60, organization: 3000, token_endpoint: 60, token_endpoint_address: 600 }
    }
}

impl Default for ApiSettings {
    fn default() -> Self {
        Self {
            token_lifetime: TokenLifetime::default(),
            idempotency_retention: Duration::from_secs(24 * 3600),
            cursor_lifetime: Duration::from_secs(48 * 3600),
            quotas: Quotas::default(),
            durable_read_audit: true,
            trusted_proxies: TrustedProxies::default(),
            body_memory: 64 * 1024 * 1024,
        }
    }
}
