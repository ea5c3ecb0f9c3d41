//! The dependencies and the settings that all surfaces share.

use std::{sync::Arc, time::Duration};

use auth::{SecretHasher, TokenLifetime, TokenSigner, TokenVerifier};
use kernel::{Changeset, Clock, Entropy};
use limits::LimitStore;
use people::People;
use store::DynStore;

use super::client_address::TrustedProxies;
use crate::{request::CursorSigner, response::ResponseCipher};

/// The ports that requests are handled with, and the settings.
#[derive(Clone)]
pub struct Services {
    /// The store of all records.
    pub store: Arc<DynStore>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of identifiers and secrets.
    pub entropy: Arc<dyn Entropy>,
    /// The hasher of client secrets.
    pub hasher: Arc<dyn SecretHasher>,
    /// The signer of access tokens.
    pub signer: Arc<dyn TokenSigner>,
    /// The verifier of access tokens.
    pub verifier: Arc<dyn TokenVerifier>,
    /// The rate limits.
    pub limits: Arc<dyn LimitStore>,
    /// The use cases of people: sign-in, sessions, users.
    pub people: Arc<People>,
    /// The protection of pagination cursors.
    pub cursor_signer: Arc<dyn CursorSigner>,
    /// The cipher of stored responses that hold a secret.
    pub response_cipher: Arc<dyn ResponseCipher>,
    /// The observer of every response.
    pub observer: Arc<dyn Observer>,
    /// The listener that is notified of commits after which background work is due.
    pub commit_listener: Arc<dyn CommitListener>,
    /// The settings.
    pub settings: ApiSettings,
}

/// Listens to commits after which background work is due, so that the work need not wait until the next poll.
pub trait CommitListener: Send + Sync {
    /// Whether background work is due once this changeset is committed.
    fn concerns(&self, changeset: &Changeset) -> bool;
    /// Notifies the background tasks. Called after the commit of a changeset that [`Self::concerns`] them.
    fn notify(&self);
}

/// Observes every response, for metrics.
pub trait Observer: Send + Sync {
    /// Records a response. `route` is the template of the route, or `unmatched`.
    fn record_response(&self, method: &str, route: &'static str, status: u16, duration: Duration);
}

/// The settings of all surfaces. The defaults are those in `docs/settings.md`.
#[derive(Clone, Debug)]
pub struct ApiSettings {
    /// The lifetime of access tokens.
    pub token_lifetime: TokenLifetime,
    /// The time for which the response to an idempotency key is kept.
    pub idempotency_retention: Duration,
    /// The maximum size of the responses that are kept for the idempotency keys of one account, in bytes.
    pub idempotency_storage: u64,
    /// The time for which a pagination cursor is valid.
    pub cursor_lifetime: Duration,
    /// The rate limits.
    pub quotas: Quotas,
    /// Whether the audit entry of a request that changes nothing is durable before its response is sent.
    pub durable_read_audit: bool,
    /// The proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: TrustedProxies,
    /// The memory budget for all request bodies together, in bytes.
    pub body_memory: usize,
    /// The memory budget for all response bodies together that clients have not read yet, in bytes.
    pub response_memory: usize,
    /// The memory budget for all downloads together, in bytes. It is apart from that of responses, so that slow downloads
    /// hinder no other request of their account.
    pub download_memory: usize,
    /// The cookie of sessions.
    pub session_cookie: SessionCookie,
    /// The address at which people reach the server, without a slash at the end.
    pub public_url: String,
}

/// The cookie that stands for a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionCookie {
    /// Browsers send it over TLS only, to this host only.
    Secure,
    /// Browsers send it without TLS, too: for a server that is reached by plain HTTP.
    Plain,
}

impl SessionCookie {
    /// The name. That of the secure cookie makes browsers refuse it from any other host.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Secure => "__Host-novantra-session",
            Self::Plain => "novantra-session",
        }
    }

    /// The header that sets the cookie to this value for this time. No value ends it.
    #[must_use]
    pub fn header(self, value: Option<&str>, lifetime: Duration) -> String {
        let (value, age) = (value.unwrap_or_default(), value.map_or(0, |_| lifetime.as_secs()));
        format!("{}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{}", self.name(), self.suffix())
    }

    /// The end of the header of every cookie that is sent like this one.
    #[must_use]
    pub const fn suffix(self) -> &'static str {
        match self {
            Self::Secure => "; Secure",
            Self::Plain => "",
        }
    }
}

/// The rate limits, in requests per minute.
#[derive(Clone, Copy, Debug)]
pub struct Quotas {
    /// Reads of one account.
    pub token_read: u32,
    /// Writes of one account.
    pub token_write: u32,
    /// All requests of one organization.
    pub organization: u32,
    /// Tokens issued to one account, and failed token requests for one client id from one address.
    pub token_endpoint: u32,
    /// Failed token requests from one address.
    pub token_endpoint_address: u32,
    /// Requests from one address that are charged to no account.
    pub unauthenticated: u32,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            token_read: 600,
            token_write: 60,
            organization: 3000,
            token_endpoint: 60,
            token_endpoint_address: 600,
            unauthenticated: 600,
        }
    }
}

impl Default for ApiSettings {
    fn default() -> Self {
        Self {
            token_lifetime: TokenLifetime::default(),
            idempotency_retention: Duration::from_secs(24 * 3600),
            idempotency_storage: 256 * 1024 * 1024,
            cursor_lifetime: Duration::from_secs(48 * 3600),
            quotas: Quotas::default(),
            durable_read_audit: true,
            trusted_proxies: TrustedProxies::default(),
            body_memory: 64 * 1024 * 1024,
            response_memory: 64 * 1024 * 1024,
            download_memory: 64 * 1024 * 1024,
            session_cookie: SessionCookie::Secure,
            public_url: "https://localhost".to_owned(),
        }
    }
}
