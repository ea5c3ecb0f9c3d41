//! URLs whose host is an address: they are checked before anything else, because no resolver sees them.

use webhooks::{AddressPolicy, AttemptFailure};

use super::{
    endpoint::{Endpoint, response},
    loopback_policy, plain_url, send, sender,
};

#[tokio::test]
async fn no_spelling_of_a_forbidden_address_is_connected_to() {
    let endpoint = Endpoint::responding_with(response("200 OK", "", "")).await;
    let port = endpoint.address.port();
    let sender = sender(AddressPolicy::default());
    for host in [
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "0",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
        "169.254.169.254",
        "[fd00:ec2::254]",
        "10.0.0.1",
    ] {
        for scheme in ["https", "http"] {
            let outcome = send(&sender, &format!("{scheme}://{host}:{port}/")).await;
            assert_eq!(outcome.failure, Some(AttemptFailure::Forbidden), "{scheme}://{host}");
        }
    }
    assert_eq!(endpoint.connections(), 0);
}

#[tokio::test]
async fn the_address_policy_is_checked_at_each_attempt() {
    let endpoint = Endpoint::responding_with(response("200 OK", "", "")).await;
    let url = plain_url(endpoint.address);
    assert!(send(&sender(loopback_policy()), &url).await.is_success());
    assert_eq!(send(&sender(AddressPolicy::default()), &url).await.failure, Some(AttemptFailure::Forbidden));
    assert_eq!(endpoint.connections(), 1);
}

#[tokio::test]
async fn plain_http_is_sent_only_to_loopback() {
    let policy = AddressPolicy { allowed: vec!["10.0.0.0/8".parse().unwrap()], ..loopback_policy() };
    for url in ["http://10.0.0.1/", "http://1.1.1.1/", "http://example.com/"] {
        assert_eq!(send(&sender(policy.clone()), url).await.failure, Some(AttemptFailure::Forbidden), "{url}");
    }
}
