//! The kinds of buckets, and the keys by which stores tell buckets apart.

use std::{collections::BTreeSet, net::IpAddr};

use kernel::Id;
use novantra_limits::{Bucket, BucketKey, Peer};
use ulid::Ulid;

use crate::leased::support::ORGANIZATION;

fn peer(address: &str) -> Peer {
    Peer::from(address.parse::<IpAddr>().unwrap())
}

/// One key of each kind, with the kind.
fn keys() -> [(BucketKey, Bucket); 17] {
    let account = Ulid(9);
    [
        (BucketKey::TokenRead(ORGANIZATION, account), Bucket::TokenRead),
        (BucketKey::TokenWrite(ORGANIZATION, account), Bucket::TokenWrite),
        (BucketKey::Organization(ORGANIZATION), Bucket::Organization),
        (BucketKey::TokenIssue(ORGANIZATION, account), Bucket::TokenIssue),
        (BucketKey::TokenFailure(account, peer("192.0.2.1")), Bucket::TokenFailure),
        (BucketKey::TokenFailureAddress(peer("192.0.2.1")), Bucket::TokenFailureAddress),
        (BucketKey::Unauthenticated(account, peer("192.0.2.1")), Bucket::Unauthenticated),
        (BucketKey::SignInFailure(account, peer("192.0.2.1")), Bucket::SignInFailure),
        (BucketKey::SignInFailureNetwork(peer("192.0.2.1")), Bucket::SignInFailureNetwork),
        (BucketKey::SignInFailureDevice(ORGANIZATION, account), Bucket::SignInFailureDevice),
        (BucketKey::SignInFailureDevices(ORGANIZATION, account), Bucket::SignInFailureDevices),
        (BucketKey::SecondFactorFailure(ORGANIZATION, account), Bucket::SecondFactorFailure),
        (BucketKey::SecondFactorFailureDevices(ORGANIZATION, account), Bucket::SecondFactorFailureDevices),
        (BucketKey::OpenIdFailureNetwork(peer("192.0.2.1")), Bucket::OpenIdFailureNetwork),
        (BucketKey::OpenIdFailureDevice(ORGANIZATION, account), Bucket::OpenIdFailureDevice),
        (BucketKey::PublicPage(peer("192.0.2.1")), Bucket::PublicPage),
        (BucketKey::PublicPageDevice(ORGANIZATION, account), Bucket::PublicPageDevice),
    ]
}

#[test]
fn each_kind_has_the_name_that_responses_have_in_their_headers() {
    let names = [
        "token-read",
        "token-write",
        "org",
        "token-issue",
        "token-failure",
        "token-failure-address",
        "unauthenticated",
        "sign-in-failure",
        "sign-in-failure-network",
        "sign-in-failure-device",
        "sign-in-failure-devices",
        "second-factor-failure",
        "second-factor-failure-devices",
        "openid-failure-network",
        "openid-failure-device",
        "public-page",
        "public-page-device",
    ];
    assert!(Bucket::ALL.iter().map(|bucket| bucket.name()).eq(names));
}

#[test]
fn each_key_belongs_to_a_bucket_of_its_kind() {
    for (key, bucket) in keys() {
        assert_eq!(key.bucket(), bucket);
    }
    assert!(keys().map(|(_, bucket)| bucket).iter().eq(Bucket::ALL));
}

#[test]
fn only_the_buckets_of_calls_without_valid_credentials_belong_to_unauthenticated_callers_and_to_no_organization() {
    for (key, bucket) in keys() {
        let unauthenticated = matches!(
            bucket,
            Bucket::TokenFailure
                | Bucket::TokenFailureAddress
                | Bucket::Unauthenticated
                | Bucket::SignInFailure
                | Bucket::SignInFailureNetwork
                | Bucket::OpenIdFailureNetwork
                | Bucket::PublicPage
        );
        assert_eq!(key.is_unauthenticated(), unauthenticated, "{bucket:?}");
        assert_eq!(key.organization(), (!unauthenticated).then_some(ORGANIZATION), "{bucket:?}");
    }
}

#[test]
fn two_buckets_never_have_the_same_kind_organization_and_subject() {
    let mut keys: Vec<BucketKey> = keys().into_iter().map(|(key, _)| key).collect();
    let (account, other_organization) = (Ulid(8), Id::new(Ulid(8)));
    keys.extend([
        BucketKey::TokenRead(ORGANIZATION, account),
        BucketKey::TokenRead(other_organization, account),
        BucketKey::TokenWrite(ORGANIZATION, account),
        BucketKey::TokenIssue(ORGANIZATION, account),
        BucketKey::Organization(other_organization),
        BucketKey::TokenFailure(account, peer("192.0.2.1")),
        BucketKey::TokenFailure(account, peer("192.0.2.2")),
        BucketKey::TokenFailureAddress(peer("192.0.2.2")),
        BucketKey::Unauthenticated(account, peer("192.0.2.1")),
        BucketKey::Unauthenticated(account, peer("192.0.2.2")),
        BucketKey::TokenFailureAddress(peer("2001:db8::1")),
        BucketKey::SignInFailure(account, peer("192.0.2.1")),
        BucketKey::SignInFailureNetwork(peer("192.0.2.2")),
        BucketKey::SignInFailureDevice(other_organization, account),
        BucketKey::SecondFactorFailure(other_organization, account),
        BucketKey::OpenIdFailureNetwork(peer("192.0.2.2")),
        BucketKey::OpenIdFailureDevice(other_organization, account),
        BucketKey::PublicPage(peer("192.0.2.2")),
        BucketKey::PublicPageDevice(other_organization, account),
    ]);
    let stored: BTreeSet<_> = keys.iter().map(|key| (key.bucket(), key.organization(), key.subject())).collect();
    assert_eq!(stored.len(), keys.len());
}

#[test]
fn a_subject_has_at_most_80_ascii_characters() {
    let longest = peer("fedc:ba98:7654:3210:fedc:ba98:7654:3210");
    let longest_keys = [BucketKey::TokenFailure(Ulid::max(), longest), BucketKey::TokenFailureAddress(longest)];
    for key in keys().into_iter().map(|(key, _)| key).chain(longest_keys) {
        let subject = key.subject();
        assert!(subject.is_ascii() && subject.len() <= 80, "{subject}");
    }
    assert_eq!(longest_keys[1].subject(), "fedc:ba98:7654:3210::", "the network stands for all its addresses");
}
