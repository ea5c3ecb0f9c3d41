//! The port of the network.

use async_trait::async_trait;

use crate::{attempt::AttemptOutcome, endpoint::EndpointUrl, message::Message};

/// Sends messages under the rules of the contract: no redirects, no proxy, only allowed addresses, bounded in time and
/// size.
#[cfg_attr(test, mockall::automock)]
#[async_trait]
pub trait Sender: Send + Sync {
    /// Makes one attempt. Every failure is part of the returned outcome.
    async fn send(&self, url: &EndpointUrl, message: Message) -> AttemptOutcome;
}
