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
use novantra_delivery::{Resolver, Roots};
use tokio::net::TcpListener;
use webhooks::{AddressPolicy, Failure};

use crate::{
    development,
    endpoint::{Endpoint, answer, heard},
    resolving, send,
    trust::Authority,
    trusting,
};

/// A resolver that returns these answers one after the other, and repeats the last one.
struct Telling {
    answers: Vec<Vec<&'static str>>,
    asked: Arc<AtomicUsize>,
}

fn telling(answers: &[&[&'static str]]) -> (Telling, Arc<AtomicUsize>) {
    let queries = Arc::new(AtomicUsize::new(0));
    (Telling { answers: answers.iter().map(|answer| answer.to_vec()).collect(), asked: Arc::clone(&queries) }, queries)
}

#[async_trait]
impl Resolver for Telling {
    async fn addresses(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        let index = self.asked.fetch_add(1, Ordering::SeqCst).min(self.answers.len() - 1);
        Ok(self.answers[index].iter().map(|text| text.parse().unwrap()).collect())
    }
}

#[tokio::test]
async fn a_name_that_leads_to_a_forbidden_address_is_not_connected_to() {
    let endpoint = Endpoint::answering(answer("200 OK", "", "")).await;
    let port = endpoint.address.port();
    for address in ["127.0.0.1", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "169.254.169.254", "192.168.0.1"] {
        let (resolver, _) = telling(&[&[address]]);
        let sender = trusting(AddressPolicy::default(), resolver, Authority::new().roots());
        let outcome = send(&sender, &format!("https://hook.example:{port}/")).await;
        assert_eq!(outcome.failure, Some(Failure::Forbidden), "{address}");
    }
    assert_eq!(endpoint.connections(), 0);
}

#[tokio::test]
async fn a_name_that_means_nothing_is_told_apart_from_one_that_is_forbidden() {
    let (resolver, _) = telling(&[&[]]);
    let outcome =
        send(&trusting(AddressPolicy::default(), resolver, Authority::new().roots()), "https://nowhere.example/").await;
    assert_eq!(outcome.failure, Some(Failure::Unresolved));
}

/// DNS rebinding: the name resolves to an allowed address for the check, and to a forbidden one right after.
#[tokio::test]
async fn a_name_that_changes_between_check_and_connection_leads_to_the_address_that_was_checked() {
    let authority = Authority::new();
    let allowed = authority.endpoint("127.0.0.1:0", "hook.example").await;
    let port = allowed.address.port();
    let forbidden = Endpoint::on(
        TcpListener::bind(("127.0.0.2", port)).await.expect("the same port"),
        |mut stream, requests| async move { heard(&mut stream, &requests).await },
    );
    let (resolver, queries) = telling(&[&["127.0.0.1"], &["127.0.0.2"]]);
    let policy = AddressPolicy { allowed: vec!["127.0.0.1/32".parse().unwrap()], loopback: false };
    let sender = trusting(policy, resolver, authority.roots());
    let url = format!("https://hook.example:{port}/");

    assert!(send(&sender, &url).await.is_success());
    assert_eq!(queries.load(Ordering::SeqCst), 1, "one connection uses one DNS answer, the one that was checked");
    assert_eq!(send(&sender, &url).await.failure, Some(Failure::Forbidden), "the next connection checks again");
    assert_eq!((allowed.connections(), forbidden.connections()), (1, 0));
}

#[tokio::test]
async fn of_several_addresses_only_those_that_are_allowed_are_tried() {
    let authority = Authority::new();
    let allowed = authority.endpoint("127.0.0.1:0", "hook.example").await;
    let port = allowed.address.port();
    let forbidden = Endpoint::on(
        TcpListener::bind(("127.0.0.2", port)).await.expect("the same port"),
        |mut stream, requests| async move { heard(&mut stream, &requests).await },
    );
    let (resolver, _) = telling(&[&["127.0.0.2", "10.0.0.1", "127.0.0.1"]]);
    let policy = AddressPolicy { allowed: vec!["127.0.0.1/32".parse().unwrap()], loopback: false };
    let sender = trusting(policy, resolver, authority.roots());
    assert!(send(&sender, &format!("https://hook.example:{port}/")).await.is_success());
    assert_eq!((allowed.connections(), forbidden.connections()), (1, 0));
}

#[tokio::test]
async fn plain_http_to_localhost_stays_on_the_machine_whatever_the_resolver_says() {
    let (resolver, queries) = telling(&[&["93.184.216.34"]]);
    let outcome = send(&resolving(development(), resolver), "http://localhost:1/").await;
    assert_eq!(outcome.failure, Some(Failure::Forbidden));
    assert_eq!(queries.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn without_certificates_to_trust_nothing_is_sent() {
    let (resolver, queries) = telling(&[&["93.184.216.34"]]);
    let sender = trusting(AddressPolicy::default(), resolver, Roots::Given(Vec::new()));
    assert_eq!(send(&sender, "https://hook.example/").await.failure, Some(Failure::Untrusted));
    assert_eq!(queries.load(Ordering::SeqCst), 0);
}
