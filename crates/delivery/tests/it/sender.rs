//! Tests of the guarded client against well-behaved and misbehaving endpoints and resolvers.

mod addresses;
mod answers;
mod endpoint;
mod names;
mod trust;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use bytes::Bytes;
use delivery::{GuardedSender, Resolver, Roots, SystemResolver};
use kernel::Id;
use store_contract::TestClock;
use ulid::Ulid;
use webhooks::{AddressPolicy, AttemptOutcome, EndpointUrl, Message, Sender};

/// The timeout of an attempt in these tests: long enough for a busy machine, and short enough to wait for.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(2);

/// A policy that allows plain `http` to loopback.
fn loopback_policy() -> AddressPolicy {
    AddressPolicy { loopback: true, ..AddressPolicy::default() }
}

fn sender(policy: AddressPolicy) -> GuardedSender {
    sender_with_resolver(policy, SystemResolver)
}

fn sender_with_resolver(policy: AddressPolicy, resolver: impl Resolver + 'static) -> GuardedSender {
    sender_with_roots(policy, resolver, Roots::Custom(Vec::new()))
}

fn sender_with_roots(policy: AddressPolicy, resolver: impl Resolver + 'static, roots: Roots) -> GuardedSender {
    let clock = Arc::new(TestClock::default());
    GuardedSender::new(policy, Arc::new(resolver), clock, roots).with_timeout(ATTEMPT_TIMEOUT)
}

fn message() -> Message {
    Message {
        id: Id::new(Ulid::from_parts(1_779_718_113_000, 7)),
        timestamp: 1_779_718_113,
        signature: "v1,c2lnbmF0dXJl".to_owned(),
        body: Bytes::from_static(b"{\"id\":\"evt_1\"}"),
    }
}

async fn send(sender: &GuardedSender, url: &str) -> AttemptOutcome {
    sender.send(&EndpointUrl::from_stored(url).expect("a URL"), message()).await
}

fn plain_url(address: SocketAddr) -> String {
    format!("http://{address}/hook?tenant=7")
}
