//! The dependencies and the settings of the API.

use std::{sync::Arc, time::Duration};

use auth::{SecretHasher, TokenLifetime, TokenSigner, TokenVerifier};
use kernel::{Clock, Entropy};
use limits::LimitStore;
use store::DynStore;

use crate::client_address::TrustedProxies;

/// The ports that the API uses, and its settings.
#[derive(Clone)]
pub struct Services {
    pub store: Arc<DynStore>,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub hasher: Arc<dyn SecretHasher>,
    pub signer: Arc<dyn TokenSigner>,
    pub verifier: Arc<dyn TokenVerifier>,
    pub limits: Arc<dyn LimitStore>,
    pub cursor_cipher: Arc<dyn CursorCipher>,
    pub response_cipher: Arc<dyn ResponseCipher>,
    pub observer: Arc<dyn Observer>,
    pub webhook_signer: Arc<dyn webhooks::WebhookSigner>,
    pub sender: Arc<dyn webhooks::Sender>,
    /// Is notified after a commit that leaves something to deliver.
    pub delivery_notifier: Arc<dyn webhooks::DeliveryNotifier>,
    /// The policy for the addresses that webhook endpoints may have.
    pub webhook_addresses: webhooks::AddressPolicy,
    pub settings: ApiSettings,
}

/// Encrypts pagination cursors, so that they are opaque and tamper-proof.
pub trait CursorCipher: Send + Sync {
    /// Returns the encrypted payload in a form that is safe in a query parameter. Only [`Self::decrypt`] can read it.
    fn encrypt(&self, payload: &[u8]) -> String;
    /// Returns the payload of a cursor, or `None` if it was not issued here or was altered.
    fn decrypt(&self, cursor: &str) -> Option<Vec<u8>>;
}

/// Encrypts responses that hold a secret, while they are stored for replay.
pub trait ResponseCipher: Send + Sync {
    /// Returns the encrypted body. It can only be decrypted with the same `purpose`.
    fn encrypt(&self, entropy: &dyn Entropy, purpose: &str, body: &[u8]) -> Vec<u8>;
    /// Returns the decrypted body, or `None` if it was not encrypted here for this `purpose` or was altered.
    fn decrypt(&self, purpose: &str, sealed: &[u8]) -> Option<Vec<u8>>;
}

/// Observes every response, for metrics.
pub trait Observer: Send + Sync {
    /// Records a response. `route` is the template of the route, or `unmatched`.
    fn record_response(&self, method: &str, route: &'static str, status: u16, took: Duration);
}

/// The settings of the API, with the defaults of `contract/operating.md`.
#[derive(Clone, Debug)]
pub struct ApiSettings {
    pub token_lifetime: TokenLifetime,
    pub idempotency_retention: Duration,
    pub cursor_lifetime: Duration,
    pub quotas: Quotas,
    pub durable_read_audit: bool,
    pub trusted_proxies: TrustedProxies,
    /// The memory budget for all request bodies together, in bytes.
    pub body_memory: usize,
}

/// The rate limits, in requests per minute.
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
