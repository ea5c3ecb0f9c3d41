//! The limits on connections and TLS handshakes, of which each client address has a share.

use std::{net::IpAddr, sync::Arc, time::Duration};

use http_api::{FairBudget, FairPermit, Holder, TrustedProxies};
use limits::Peer;
use prometheus::IntCounter;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

use crate::serve::metrics::Metrics;

/// The maximum number of concurrent handshakes. Each costs a signature and memory before the client is authenticated.
const MAX_CONCURRENT_HANDSHAKES: usize = 256;

/// The memory for the flow-control windows of HTTP/2 connections that are larger than the smallest. It bounds what clients
/// send before it is read, and thus before it is charged to an account.
const HTTP2_WINDOW_MEMORY: usize = 32 * 1024 * 1024;

/// The size in bytes of such a window: what a client can upload in a round trip.
pub(super) const HTTP2_LARGE_WINDOW_BYTES: u32 = 1024 * 1024;

/// Timeout of reading the header of the first request, and over HTTP/1 of each further one; an idle connection is
/// closed then. Over HTTP/2, it is the interval of keep-alive pings, and a connection that does not answer them is
/// closed.
const HEADER_READ_TIMEOUT: Duration = Duration::from_secs(30);

/// Timeout of a request's header, and of an idle connection, on the admin listener: idle connections that take all places
/// there leave them before a probe gives up.
const ADMIN_HEADER_READ_TIMEOUT: Duration = Duration::from_secs(1);

/// Timeout of a response of which the client reads nothing.
pub(super) const RESPONSE_WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// The keys that have a share of the connections and handshakes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ConnectionKey {
    Address(Peer),
    Network(Peer),
}

/// The limits of one listener.
pub(crate) struct ConnectionLimits {
    max: u32,
    /// The connections that can still be accepted.
    available: Arc<Semaphore>,
    connections: Arc<FairBudget<ConnectionKey>>,
    handshakes: Arc<FairBudget<ConnectionKey>>,
    windows: Arc<FairBudget<ConnectionKey>>,
    /// They have no share of their own, but may take all that is left: they connect for many clients, whose bodies are
    /// charged to their forwarded addresses. The same holds for this machine itself, on which a proxy may run that is
    /// not configured as trusted.
    proxies: TrustedProxies,
    /// The counter of the connections that were closed for the share of their address.
    refused: IntCounter,
    /// The advice to the operator when a connection is closed.
    remedy: &'static str,
    header_read_timeout: Duration,
    response_write_timeout: Duration,
}

/// A permit for a connection.
pub(crate) struct ConnectionPermit {
    _available: OwnedSemaphorePermit,
    _share: FairPermit<ConnectionKey>,
    /// The memory of a large HTTP/2 window, if the connection has one.
    window: Option<FairPermit<ConnectionKey>>,
}

impl ConnectionPermit {
    /// Whether the connection may have a large HTTP/2 window.
    pub(super) fn has_large_window(&self) -> bool {
        self.window.is_some()
    }
}

impl ConnectionLimits {
    /// Creates the limits of the API's listener: `max` connections, of which each address has a share, except the
    /// proxies.
    pub(crate) fn for_api(max: usize, proxies: TrustedProxies, metrics: &Metrics) -> Self {
        let remedy = "if it is a proxy, name it in trusted_proxy; if it has many clients, raise max_connections";
        Self::new(max, proxies, metrics.refused_connections("api"), remedy)
    }

    /// Creates the limits of the admin listener.
    pub(crate) fn for_admin(max: usize, metrics: &Metrics) -> Self {
        let remedy = "find the program there that opens them, or admit only monitoring to the admin listener";
        let limits = Self::new(max, TrustedProxies::default(), metrics.refused_connections("admin"), remedy);
        Self { header_read_timeout: ADMIN_HEADER_READ_TIMEOUT, ..limits }
    }

    fn new(max: usize, proxies: TrustedProxies, refused: IntCounter, remedy: &'static str) -> Self {
        let max = u32::try_from(max.min(Semaphore::MAX_PERMITS)).unwrap_or(u32::MAX);
        Self {
            max,
            available: Arc::new(Semaphore::new(max as usize)),
            connections: FairBudget::new(max as usize),
            handshakes: FairBudget::new(MAX_CONCURRENT_HANDSHAKES),
            windows: FairBudget::new(HTTP2_WINDOW_MEMORY),
            proxies,
            refused,
            remedy,
            header_read_timeout: HEADER_READ_TIMEOUT,
            response_write_timeout: RESPONSE_WRITE_TIMEOUT,
        }
    }

    /// The timeout of reading the header of a request, after which an idle connection is closed.
    pub(crate) fn header_read_timeout(&self) -> Duration {
        self.header_read_timeout
    }

    /// The timeout of a response of which the client reads nothing.
    pub(crate) fn response_write_timeout(&self) -> Duration {
        self.response_write_timeout
    }

    /// Replaces the timeout of a response of which the client reads nothing.
    #[cfg(test)]
    pub(super) fn with_response_write_timeout(self, timeout: Duration) -> Self {
        Self { response_write_timeout: timeout, ..self }
    }

    /// Waits until a connection can be accepted.
    pub(crate) async fn available(&self) -> Option<OwnedSemaphorePermit> {
        // The semaphore is never closed.
        Arc::clone(&self.available).acquire_owned().await.ok()
    }

    /// Returns the permit of an accepted connection, or gives `available` back if the address has too many.
    pub(crate) fn admit(
        &self,
        available: OwnedSemaphorePermit,
        address: IpAddr,
    ) -> Result<ConnectionPermit, OwnedSemaphorePermit> {
        match self.connections.try_acquire(self.holder(address), 1) {
            Ok(share) => Ok(ConnectionPermit { _available: available, _share: share, window: None }),
            Err(_) => {
                self.refused.inc();
                let remedy = self.remedy;
                tracing::warn!(%address, "closing a connection, because its address has used up its share: {remedy}");
                Err(available)
            }
        }
    }

    /// Lets an HTTP/2 connection with this address have a large window, if its share of the memory for windows allows that.
    pub(crate) fn acquire_window(&self, permit: ConnectionPermit, address: IpAddr) -> ConnectionPermit {
        let window = self.windows.try_acquire(self.holder(address), HTTP2_LARGE_WINDOW_BYTES as usize).ok();
        ConnectionPermit { window, ..permit }
    }

    /// Waits until a handshake with this address may begin. `None` if it could not begin in time.
    pub(crate) async fn begin_handshake(
        &self,
        address: IpAddr,
        patience: Duration,
    ) -> Option<FairPermit<ConnectionKey>> {
        self.handshakes.acquire(self.holder(address), 1, patience).await.ok()
    }

    /// Waits at most this long until all connections have ended, and every request that outlasts its connection.
    /// Returns whether they have.
    pub(crate) async fn all_ended(&self, patience: Duration) -> bool {
        timeout(patience, self.available.acquire_many(self.max)).await.is_ok()
    }

    fn holder(&self, address: IpAddr) -> Holder<ConnectionKey> {
        if address.to_canonical().is_loopback() || self.proxies.contains(address) {
            return Holder::Unshared;
        }
        Holder::Member {
            member: ConnectionKey::Address(Peer::from(address)),
            group: ConnectionKey::Network(Peer::network_of(address)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRANGER: &str = "192.0.2.7";
    const PROXY: &str = "10.0.0.1";

    fn limits(max: usize) -> ConnectionLimits {
        ConnectionLimits::for_api(max, "10.0.0.0/8".parse().unwrap(), &Metrics::new().unwrap())
    }

    /// Opens connections from this address until one is refused, or no more are available.
    fn open_all(limits: &ConnectionLimits, address: &str) -> Vec<ConnectionPermit> {
        let mut open = Vec::new();
        while let Ok(available) = Arc::clone(&limits.available).try_acquire_owned() {
            let Ok(permit) = limits.admit(available, address.parse().unwrap()) else { break };
            open.push(permit);
        }
        open
    }

    #[test]
    fn one_address_can_not_take_the_connections_of_others() {
        let limits = limits(100);
        let first = open_all(&limits, STRANGER);
        assert_eq!(first.len(), 12);
        assert_eq!(open_all(&limits, STRANGER).len(), 0);
        assert_eq!(open_all(&limits, "203.0.113.9").len(), 11);
    }

    #[test]
    fn connections_that_are_closed_for_their_share_are_counted_by_listener() {
        let metrics = Metrics::new().unwrap();
        let limits = [
            ConnectionLimits::for_api(100, TrustedProxies::default(), &metrics),
            ConnectionLimits::for_admin(8, &metrics),
        ];
        let series = |listener: &str, count: u64| {
            format!("novantra_http_connections_refused_total{{listener=\"{listener}\"}} {count}\n")
        };
        let text = metrics.encode(&[]).unwrap();
        assert!(text.contains(&series("api", 0)) && text.contains(&series("admin", 0)), "{text}");
        let _open: Vec<_> = [0, 1, 1].iter().map(|index| open_all(&limits[*index], STRANGER)).collect();
        let text = metrics.encode(&[]).unwrap();
        assert!(text.contains(&series("api", 1)) && text.contains(&series("admin", 2)), "{text}");
    }

    #[test]
    fn the_addresses_of_one_network_leave_connections_to_others() {
        for (network, other) in [("2001:db8:7:", "2001:db8:8::1"), ("192.0.2.", "203.0.113.9")] {
            let limits = limits(100);
            let address = |number| {
                if network.contains(':') { format!("{network}{number}::1") } else { format!("{network}{number}") }
            };
            let greedy: Vec<_> = (1..100).flat_map(|number| open_all(&limits, &address(number))).collect();
            assert!((50..=75).contains(&greedy.len()), "{network}");
            assert!(!open_all(&limits, other).is_empty(), "{network}");
        }
    }

    #[test]
    fn one_address_gets_a_few_large_windows_and_leaves_others_to_the_rest() {
        let limits = limits(100);
        let with_windows = |address: &str| {
            let permits = open_all(&limits, address).into_iter();
            let permits = permits.map(|permit| limits.acquire_window(permit, address.parse().unwrap()));
            permits.filter(ConnectionPermit::has_large_window).collect::<Vec<_>>()
        };
        let first = with_windows(STRANGER);
        assert_eq!(first.len(), 4);
        assert_eq!(with_windows("203.0.113.9").len(), 3);
        drop(first);
        assert_eq!(with_windows(STRANGER).len(), 4);
    }

    #[test]
    fn the_addresses_of_one_ipv6_host_have_one_share() {
        let limits = limits(100);
        let _first = open_all(&limits, "2001:db8::1");
        assert_eq!(open_all(&limits, "2001:db8::2").len(), 0);
    }

    #[test]
    fn a_trusted_proxy_may_take_all_connections_that_are_left() {
        let limits = limits(100);
        let _strangers = open_all(&limits, STRANGER);
        assert_eq!(open_all(&limits, PROXY).len(), 88);
    }

    #[test]
    fn a_refused_connection_can_be_another_addresss() {
        let limits = limits(4);
        let _one = open_all(&limits, STRANGER);
        let available = Arc::clone(&limits.available).try_acquire_owned().unwrap();
        let available = limits.admit(available, STRANGER.parse().unwrap()).err().unwrap();
        assert!(limits.admit(available, PROXY.parse().unwrap()).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn stalled_handshakes_of_one_address_do_not_delay_those_of_others() {
        let limits = limits(1000);
        let patience = Duration::from_secs(10);
        let mut stalled = Vec::new();
        while let Some(permit) = limits.begin_handshake(STRANGER.parse().unwrap(), patience).await {
            stalled.push(permit);
        }
        assert_eq!(stalled.len(), MAX_CONCURRENT_HANDSHAKES / 8);
        let began = tokio::time::Instant::now();
        assert!(limits.begin_handshake("192.0.2.8".parse().unwrap(), patience).await.is_some());
        assert!(limits.begin_handshake(PROXY.parse().unwrap(), patience).await.is_some());
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}
