//! The guarded HTTP client. It connects only to addresses that it has checked: names are resolved here for each
//! connection, and forbidden addresses are filtered out before the first packet is sent.

mod answer;
mod failure;
mod resolver;
mod roots;

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use async_trait::async_trait;
use kernel::Clock;
use reqwest::{Client, ClientBuilder, RequestBuilder, header::CONTENT_TYPE, redirect};
use tokio::time::{Instant, timeout_at};
use webhooks::{ANSWER_WITHIN, AddressPolicy, EndpointUrl, Failure, Message, Outcome, Sender};

use answer::Answer;
use resolver::Checked;
pub use resolver::{Resolver, SystemResolver};
pub use roots::{NoRoots, Roots};

/// Timeout for establishing a connection, within the timeout of the whole attempt.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// How long an idle connection is kept: less than the five seconds after which common servers close theirs, because
/// sending on a connection that is being closed is a failed attempt.
const IDLE_AT_MOST: Duration = Duration::from_secs(4);

/// Maximum number of idle connections per host. Many subscriptions may have the same host, each with its own attempts.
const IDLE_PER_HOST: usize = 256;

/// Sends messages only to addresses that the policy allows.
pub struct GuardedSender {
    policy: AddressPolicy,
    resolver: Arc<dyn Resolver>,
    clock: Arc<dyn Clock>,
    roots: Roots,
    answer_within: Duration,
    /// The client for `https`. It is built on first use, because root certificates take memory.
    secure: OnceLock<Result<Client, NoRoots>>,
    /// The client for `http`, which only connects to loopback addresses.
    plain: OnceLock<Client>,
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
            answer_within: ANSWER_WITHIN,
            secure: OnceLock::new(),
            plain: OnceLock::new(),
        }
    }

    /// Sets another timeout for a whole attempt.
    #[must_use]
    pub fn answered_within(self, answer_within: Duration) -> Self {
        Self { answer_within, ..self }
    }

    /// Returns the client for this URL. Fails if the host is a forbidden address: the resolver only checks names.
    fn client(&self, url: &EndpointUrl) -> Result<&Client, Failure> {
        let plain = url.as_url().scheme() != "https";
        if plain && !self.policy.allows_plain(url) {
            return Err(Failure::Forbidden);
        }
        if url.address().is_some_and(|address| !self.policy.allows(address)) {
            return Err(Failure::Forbidden);
        }
        if plain { Ok(self.plain()) } else { self.secure().map_err(|_| Failure::Untrusted) }
    }

    fn plain(&self) -> &Client {
        self.plain.get_or_init(|| {
            let policy = self.policy.clone();
            let resolver = Checked::new(&self.resolver, move |address| policy.allows_plain_to(address));
            let client = bare().tls_backend_preconfigured(Roots::none()).dns_resolver(resolver).build();
            client.expect("building a client without TLS does not fail")
        })
    }

    fn secure(&self) -> Result<&Client, &NoRoots> {
        let client = self.secure.get_or_init(|| {
            let policy = self.policy.clone();
            let resolver = Checked::new(&self.resolver, move |address| policy.allows(address));
            let config = self.roots.client_config().inspect_err(|error| tracing::error!("{error}"))?;
            let client = bare().https_only(true).tls_backend_preconfigured(config).dns_resolver(resolver).build();
            Ok(client.expect("building a client with a complete TLS configuration does not fail"))
        });
        client.as_ref()
    }

    async fn attempt(&self, request: RequestBuilder, deadline: Instant) -> Answer {
        match timeout_at(deadline, request.send()).await {
            Err(_) => Answer::failed(Failure::TimedOut),
            Ok(Err(error)) => Answer::failed(failure::of(&error)),
            Ok(Ok(response)) => Answer::read(response, deadline, self.clock.now()).await,
        }
    }
}

/// The common configuration of both clients: no redirects, proxies, automatic retries or referers.
fn bare() -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("Novantra-Webhooks/", env!("CARGO_PKG_VERSION")))
        .redirect(redirect::Policy::none())
        .no_proxy()
        .referer(false)
        .retry(reqwest::retry::never())
        .http1_only()
        .connect_timeout(CONNECT_WITHIN)
        .pool_idle_timeout(IDLE_AT_MOST)
        .pool_max_idle_per_host(IDLE_PER_HOST)
}

#[async_trait]
impl Sender for GuardedSender {
    async fn send(&self, url: &EndpointUrl, message: Message) -> Outcome {
        let started_at = Instant::now();
        let response = match self.client(url) {
            Err(failure) => Answer::failed(failure),
            Ok(client) => {
                let request = client
                    .post(url.as_url().clone())
                    .header(CONTENT_TYPE, "application/json")
                    .header("webhook-id", message.id.to_string())
                    .header("webhook-timestamp", message.timestamp)
                    .header("webhook-signature", message.signature)
                    .body(message.body);
                self.attempt(request, started_at + self.answer_within).await
            }
        };
        response.outcome(started_at.elapsed())
    }
}
