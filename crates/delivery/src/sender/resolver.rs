//! Resolution of names to checked addresses.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use async_trait::async_trait;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use webhooks::AttemptFailure;

/// Resolves host names to addresses.
#[async_trait]
pub trait Resolver: Send + Sync {
    /// Returns all addresses of the name, in the order in which they should be tried.
    ///
    /// # Errors
    /// When the name can't be resolved.
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// The operating system's resolver.
#[derive(Clone, Copy, Debug)]
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// The error of a name without an allowed address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.description())]
pub(super) struct ResolveError(pub(super) AttemptFailure);

/// The resolver of the HTTP client, which returns only allowed addresses. The client connects to these addresses and
/// does not resolve names itself.
pub(super) struct FilteringResolver {
    resolver: Arc<dyn Resolver>,
    allows: Arc<dyn Fn(IpAddr) -> bool + Send + Sync>,
}

impl FilteringResolver {
    pub(super) fn new(resolver: &Arc<dyn Resolver>, allows: impl Fn(IpAddr) -> bool + Send + Sync + 'static) -> Self {
        Self { resolver: Arc::clone(resolver), allows: Arc::new(allows) }
    }
}

impl Resolve for FilteringResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (resolver, allows) = (Arc::clone(&self.resolver), Arc::clone(&self.allows));
        Box::pin(async move {
            let found =
                resolver.addresses(name.as_str()).await.map_err(|_| ResolveError(AttemptFailure::Unresolved))?;
            if found.is_empty() {
                return Err(ResolveError(AttemptFailure::Unresolved).into());
            }
            let allowed: Vec<_> = found
                .into_iter()
                .filter(|address| allows(*address))
                .map(|address| SocketAddr::new(address, 0))
                .collect();
            if allowed.is_empty() {
                return Err(ResolveError(AttemptFailure::Forbidden).into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}
