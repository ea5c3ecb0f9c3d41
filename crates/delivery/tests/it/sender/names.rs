//! URLs whose host is a name, and malicious resolvers.

use std::{io, net::IpAddr};

use async_trait::async_trait;
use delivery::{Resolver, Roots};
use mockall::{Sequence, mock};
use tokio::net::TcpListener;
use webhooks::{AddressPolicy, AttemptFailure};

use super::{
    endpoint::{Endpoint, receive_request, response},
    loopback_policy, send, sender_with_resolver, sender_with_roots,
    trust::Authority,
};

mock! {
    Resolver {}

    #[async_trait]
    impl Resolver for Resolver {
        async fn addresses(&self, name: &str) -> io::Result<Vec<IpAddr>>;
    }
}

/// A resolver that is asked exactly once for each of these answers, in their order.
fn resolver(answers: &[&[&str]]) -> MockResolver {
    let (mut resolver, mut sequence) = (MockResolver::new(), Sequence::new());
    for answer in answers {
        let addresses: Vec<IpAddr> = answer.iter().map(|text| text.parse().unwrap()).collect();
        let query = resolver.expect_addresses().times(1).in_sequence(&mut sequence);
        query.returning(move |_| Ok(addresses.clone()));
    }
    resolver
}

#[tokio::test]
async fn a_name_that_resolves_to_a_forbidden_address_is_not_connected_to() {
    let endpoint = Endpoint::responding_with(response("200 OK", "", "")).await;
    let port = endpoint.address.port();
    for address in ["127.0.0.1", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "169.254.169.254", "192.168.0.1"] {
        let resolver = resolver(&[&[address]]);
        let sender = sender_with_roots(AddressPolicy::default(), resolver, Authority::new().roots());
        let outcome = send(&sender, &format!("https://hook.example:{port}/")).await;
        assert_eq!(outcome.failure, Some(AttemptFailure::Forbidden), "{address}");
    }
    assert_eq!(endpoint.connections(), 0);
}

#[tokio::test]
async fn an_unresolved_name_is_distinguished_from_a_forbidden_one() {
    let resolver = resolver(&[&[]]);
    let outcome = send(
        &sender_with_roots(AddressPolicy::default(), resolver, Authority::new().roots()),
        "https://nowhere.example/",
    )
    .await;
    assert_eq!(outcome.failure, Some(AttemptFailure::Unresolved));
}

/// DNS rebinding: the name resolves to an allowed address for the check, and to a forbidden one right after. One
/// connection uses one DNS answer, the one that was checked; the next connection asks again.
#[tokio::test]
async fn the_connection_uses_the_checked_address_even_if_the_name_resolves_differently_afterwards() {
    let authority = Authority::new();
    let allowed = authority.endpoint("127.0.0.1:0", "hook.example").await;
    let port = allowed.address.port();
    let forbidden = Endpoint::with_listener(
        TcpListener::bind(("127.0.0.2", port)).await.expect("the same port"),
        |mut stream, requests| async move { receive_request(&mut stream, &requests).await },
    );
    let resolver = resolver(&[&["127.0.0.1"], &["127.0.0.2"]]);
    let policy = AddressPolicy { allowed: vec!["127.0.0.1/32".parse().unwrap()], loopback: false };
    let sender = sender_with_roots(policy, resolver, authority.roots());
    let url = format!("https://hook.example:{port}/");

    assert!(send(&sender, &url).await.is_success());
    assert_eq!(send(&sender, &url).await.failure, Some(AttemptFailure::Forbidden));
    assert_eq!((allowed.connections(), forbidden.connections()), (1, 0));
}

#[tokio::test]
async fn only_the_allowed_addresses_of_a_name_are_tried() {
    let authority = Authority::new();
    let allowed = authority.endpoint("127.0.0.1:0", "hook.example").await;
    let port = allowed.address.port();
    let forbidden = Endpoint::with_listener(
        TcpListener::bind(("127.0.0.2", port)).await.expect("the same port"),
        |mut stream, requests| async move { receive_request(&mut stream, &requests).await },
    );
    let resolver = resolver(&[&["127.0.0.2", "10.0.0.1", "127.0.0.1"]]);
    let policy = AddressPolicy { allowed: vec!["127.0.0.1/32".parse().unwrap()], loopback: false };
    let sender = sender_with_roots(policy, resolver, authority.roots());
    assert!(send(&sender, &format!("https://hook.example:{port}/")).await.is_success());
    assert_eq!((allowed.connections(), forbidden.connections()), (1, 0));
}

#[tokio::test]
async fn plain_http_to_localhost_is_not_sent_to_another_address_that_a_resolver_returns() {
    let resolver = resolver(&[&["93.184.216.34"]]);
    let outcome = send(&sender_with_resolver(loopback_policy(), resolver), "http://localhost:1/").await;
    assert_eq!(outcome.failure, Some(AttemptFailure::Forbidden));
}

#[tokio::test]
async fn nothing_is_sent_without_root_certificates() {
    let resolver = resolver(&[]);
    let sender = sender_with_roots(AddressPolicy::default(), resolver, Roots::Custom(Vec::new()));
    assert_eq!(send(&sender, "https://hook.example/").await.failure, Some(AttemptFailure::Untrusted));
}
