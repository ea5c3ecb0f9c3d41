//! The guarded HTTP client. It connects only to addresses that it has checked: names are resolved here for each
//! connection, and forbidden addresses are filtered out before the first packet is sent.

mod failure;
mod resolver;
mod response;
mod roots;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use kernel::Clock;
use reqwest::{Client, ClientBuilder, RequestBuilder, header::CONTENT_TYPE, redirect};
use tokio::time::{Instant, timeout_at};
use webhooks::{ATTEMPT_TIMEOUT, AddressPolicy, AttemptFailure, AttemptOutcome, EndpointUrl, Message, Sender};

use resolver::FilteringResolver;
pub use resolver::{Resolver, SystemResolver};
use response::EndpointResponse;
pub use roots::{Roots, RootsUnavailable};

/// Timeout for establishing a connection, within the timeout of the whole attempt.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The time for which an idle connection is kept: less than the five seconds after which common servers close theirs,
/// because sending on a connection that is being closed is a failed attempt.
const IDLE_TIMEOUT: Duration = Duration::from_secs(4);

/// Maximum number of idle connections per host. Many subscriptions may have the same host, each with its own attempts.
const MAX_IDLE_PER_HOST: usize = 256;

/// Sends messages only to addresses that the policy allows.
pub struct GuardedSender {
    policy: AddressPolicy,
    resolver: Arc<dyn Resolver>,
    clock: Arc<dyn Clock>,
    roots: Roots,
    timeout: Duration,
    /// The client for `https`. It is built on first use, because root certificates take memory.
    tls_client: OnceLock<Result<Client, RootsUnavailable>>,
    /// The client for `http`, which only connects to loopback addresses.
    plain_client: OnceLock<Client>,
}

impl GuardedSender {
    /// Creates a client with this policy.
    #[must_use]
    pub fn new(policy: AddressPolicy, resolver: Arc<dyn Resolver>, clock: Arc<dyn Clock>, roots: Roots) -> Self {
        Self {
            policy,
            resolver,
            clock,
            roots,
            timeout: ATTEMPT_TIMEOUT,
            tls_client: OnceLock::new(),
            plain_client: OnceLock::new(),
        }
    }

    /// Sets another timeout for an attempt, until the response is complete.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Returns the client for this URL. Fails if the host is a forbidden address: the resolver only checks names.
    fn client(&self, url: &EndpointUrl) -> Result<&Client, AttemptFailure> {
        let plain = url.as_url().scheme() != "https";
        if plain && !url.allows_plain_http(&self.policy) {
            return Err(AttemptFailure::Forbidden);
        }
        if url.address().is_some_and(|address| !self.policy.allows(address)) {
            return Err(AttemptFailure::Forbidden);
        }
        if plain { Ok(self.plain_client()) } else { self.tls_client().map_err(|_| AttemptFailure::Untrusted) }
    }

    fn plain_client(&self) -> &Client {
        self.plain_client.get_or_init(|| {
            let policy = self.policy.clone();
            let resolver = FilteringResolver::new(&self.resolver, move |address| policy.allows_plain_http_to(address));
            let client =
                base_client().tls_backend_preconfigured(Roots::empty_client_config()).dns_resolver(resolver).build();
            client.expect("building a client without TLS does not fail")
        })
    }

    fn tls_client(&self) -> Result<&Client, &RootsUnavailable> {
        let client = self.tls_client.get_or_init(|| {
            let policy = self.policy.clone();
            let resolver = FilteringResolver::new(&self.resolver, move |address| policy.allows(address));
            let config = self.roots.client_config().inspect_err(|error| tracing::error!("{error}"))?;
            let client =
                base_client().https_only(true).tls_backend_preconfigured(config).dns_resolver(resolver).build();
            Ok(client.expect("building a client with a complete TLS configuration does not fail"))
        });
        client.as_ref()
    }

    async fn attempt(&self, request: RequestBuilder, deadline: Instant) -> EndpointResponse {
        match timeout_at(deadline, request.send()).await {
            Err(_) => EndpointResponse::from_failure(AttemptFailure::TimedOut),
            Ok(Err(error)) => EndpointResponse::from_failure(failure::classify(&error)),
            Ok(Ok(response)) => EndpointResponse::read(response, deadline, self.clock.now()).await,
        }
    }
}

/// The common configuration of both clients: no redirects, proxies, automatic retries or referers.
fn base_client() -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("Novantra-Webhooks/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .no_proxy()
        .referer(false)
        .retry(reqwest::retry::never())
        .http1_only()
        .connect_timeout(CONNECT_TIMEOUT)
        .pool_idle_timeout(IDLE_TIMEOUT)
        .pool_max_idle_per_host(MAX_IDLE_PER_HOST)
}

#[async_trait]
impl Sender for GuardedSender {
    async fn send(&self, url: &EndpointUrl, message: Message) -> AttemptOutcome {
        let started_at = Instant::now();
        let response = match self.client(url) {
            Err(failure) => EndpointResponse::from_failure(failure),
            Ok(client) => {
                let request = client
                    .post(url.as_url().clone())
                    .header(CONTENT_TYPE, "application/json")
                    .header("webhook-id", message.id.to_string())
                    .header("webhook-timestamp", message.timestamp)
                    .header("webhook-signature", message.signature)
                    .body(message.body);
                self.attempt(request, started_at + self.timeout).await
            }
        };
        response.into_outcome(started_at.elapsed())
    }
}
