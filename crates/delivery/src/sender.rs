//! The guarded HTTP client. What it connects to is what it has checked: names are resolved here, for each connection, and
//! addresses that webhooks don't go to are left out before the first packet is sent.

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

/// How long a connection may take to come about, within the time for the whole attempt.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);

/// How long an idle connection is kept: less than the five seconds after which widespread servers close theirs, since what
/// is sent into a closing connection is a failed attempt.
const IDLE_AT_MOST: Duration = Duration::from_secs(4);

/// How many idle connections to one host are kept. Many subscriptions may lead to one host, each with its own attempts.
const IDLE_PER_HOST: usize = 256;

/// Sends messages to addresses that the policy allows, and nowhere else.
pub struct GuardedSender {
    policy: AddressPolicy,
    resolver: Arc<dyn Resolver>,
    clock: Arc<dyn Clock>,
    roots: Roots,
    answer_within: Duration,
    /// For `https`. Made when it is first needed: root certificates take memory.
    secure: OnceLock<Result<Client, NoRoots>>,
    /// For `http`, which goes to the machine itself.
    plain: OnceLock<Client>,
}

impl GuardedSender {
    /// A client under this policy.
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

    /// The same with another time for a whole attempt.
    #[must_use]
    pub fn answered_within(self, answer_within: Duration) -> Self {
        Self { answer_within, ..self }
    }

    /// The client for this URL, unless its host is an address that webhooks don't go to: no resolver is asked about those.
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
            client.expect("a client without TLS needs nothing that can be missing")
        })
    }

    fn secure(&self) -> Result<&Client, &NoRoots> {
        let made = self.secure.get_or_init(|| {
            let policy = self.policy.clone();
            let resolver = Checked::new(&self.resolver, move |address| policy.allows(address));
            let config = self.roots.client_config().inspect_err(|error| tracing::error!("{error}"))?;
            let client = bare().https_only(true).tls_backend_preconfigured(config).dns_resolver(resolver).build();
            Ok(client.expect("a client with its TLS needs nothing that can be missing"))
        });
        made.as_ref()
    }

    async fn attempt(&self, request: RequestBuilder, deadline: Instant) -> Answer {
        match timeout_at(deadline, request.send()).await {
            Err(_) => Answer::failed(Failure::TimedOut),
            Ok(Err(error)) => Answer::failed(failure::of(&error)),
            Ok(Ok(response)) => Answer::read(response, deadline, self.clock.now()).await,
        }
    }
}

/// What both clients have in common: nothing is followed, asked or kept beyond the one call.
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
        let began = Instant::now();
        let answer = match self.client(url) {
            Err(failure) => Answer::failed(failure),
            Ok(client) => {
                let request = client
                    .post(url.as_url().clone())
                    .header(CONTENT_TYPE, "application/json")
                    .header("webhook-id", message.id.to_string())
                    .header("webhook-timestamp", message.timestamp)
                    .header("webhook-signature", message.signature)
                    .body(message.body);
                self.attempt(request, began + self.answer_within).await
            }
        };
        answer.outcome(began.elapsed())
    }
}
