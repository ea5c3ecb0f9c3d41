//! URLs whose host is a name, and malicious resolvers.

use std::{
    io,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use delivery::{Resolver, Roots};
use tokio::net::TcpListener;
use webhooks::{AddressPolicy, AttemptFailure};

use super::{
    endpoint::{Endpoint, receive_request, response},
    loopback_policy, send, sender_with_resolver, sender_with_roots,
    trust::Authority,
};

/// A resolver that returns these answers one after the other, and repeats the last one.
struct ScriptedResolver {
    answers: Vec<Vec<&'static str>>,
    queries: Arc<AtomicUsize>,
}

fn scripted_resolver(answers: &[&[&'static str]]) -> (ScriptedResolver, Arc<AtomicUsize>) {
    let queries = Arc::new(AtomicUsize::new(0));
    (
        ScriptedResolver {
            answers: answers.iter().map(|answer| answer.to_vec()).collect(),
            queries: Arc::clone(&queries),
        },
        queries,
    )
}

#[async_trait]
impl Resolver for ScriptedResolver {
    async fn addresses(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        let index = self.queries.fetch_add(1, Ordering::SeqCst).min(self.answers.len() - 1);
        Ok(self.answers[index].iter().map(|text| text.parse().unwrap()).collect())
    }
}

#[tokio::test]
async fn a_name_that_resolves_to_a_forbidden_address_is_not_connected_to() {
    let endpoint = Endpoint::responding_with(response("200 OK", "", "")).await;
    let port = endpoint.address.port();
    for address in ["127.0.0.1", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "169.254.169.254", "192.168.0.1"] {
        let (resolver, _) = scripted_resolver(&[&[address]]);
        let sender = sender_with_roots(AddressPolicy::default(), resolver, Authority::new().roots());
        let outcome = send(&sender, &format!("https://hook.example:{port}/")).await;
        assert_eq!(outcome.failure, Some(AttemptFailure::Forbidden), "{address}");
    }
    assert_eq!(endpoint.connections(), 0);
}

#[tokio::test]
async fn an_unresolved_name_is_distinguished_from_a_forbidden_one() {
    let (resolver, _) = scripted_resolver(&[&[]]);
    let outcome = send(
        &sender_with_roots(AddressPolicy::default(), resolver, Authority::new().roots()),
        "https://nowhere.example/",
    )
    .await;
    assert_eq!(outcome.failure, Some(AttemptFailure::Unresolved));
}

/// DNS rebinding: the name resolves to an allowed address for the check, and to a forbidden one right after.
#[tokio::test]
async fn the_connection_uses_the_checked_address_even_if_the_name_resolves_differently_afterwards() {
    let authority = Authority::new();
    let allowed = authority.endpoint("127.0.0.1:0", "hook.example").await;
    let port = allowed.address.port();
    let forbidden = Endpoint::with_listener(
        TcpListener::bind(("127.0.0.2", port)).await.expect("the same port"),
        |mut stream, requests| async move { receive_request(&mut stream, &requests).await },
    );
    let (resolver, queries) = scripted_resolver(&[&["127.0.0.1"], &["127.0.0.2"]]);
    let policy = AddressPolicy { allowed: vec!["127.0.0.1/32".parse().unwrap()], loopback: false };
    let sender = sender_with_roots(policy, resolver, authority.roots());
    let url = format!("https://hook.example:{port}/");

    assert!(send(&sender, &url).await.is_success());
    assert_eq!(queries.load(Ordering::SeqCst), 1, "one connection uses one DNS answer, the one that was checked");
    assert_eq!(send(&sender, &url).await.failure, Some(AttemptFailure::Forbidden), "the next connection checks again");
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
    let (resolver, _) = scripted_resolver(&[&["127.0.0.2", "10.0.0.1", "127.0.0.1"]]);
    let policy = AddressPolicy { allowed: vec!["127.0.0.1/32".parse().unwrap()], loopback: false };
    let sender = sender_with_roots(policy, resolver, authority.roots());
    assert!(send(&sender, &format!("https://hook.example:{port}/")).await.is_success());
    assert_eq!((allowed.connections(), forbidden.connections()), (1, 0));
}

#[tokio::test]
async fn plain_http_to_localhost_is_not_sent_to_another_address_that_a_resolver_returns() {
    let (resolver, queries) = scripted_resolver(&[&["93.184.216.34"]]);
    let outcome = send(&sender_with_resolver(loopback_policy(), resolver), "http://localhost:1/").await;
    assert_eq!(outcome.failure, Some(AttemptFailure::Forbidden));
    assert_eq!(queries.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn nothing_is_sent_without_root_certificates() {
    let (resolver, queries) = scripted_resolver(&[&["93.184.216.34"]]);
    let sender = sender_with_roots(AddressPolicy::default(), resolver, Roots::Custom(Vec::new()));
    assert_eq!(send(&sender, "https://hook.example/").await.failure, Some(AttemptFailure::Untrusted));
    assert_eq!(queries.load(Ordering::SeqCst), 0);
}
