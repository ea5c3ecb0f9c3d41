//! The stages of token signing keys, and the time for which each key is kept.

use std::time::Duration;

use auth::{
    EncryptedSigningKey, KeyStage, Keyring, MAX_KEYS_AGE, MIN_LEAD_TIME, PublishedKey, TokenLifetime,
    VERIFY_AFTER_RETIREMENT,
};

use crate::support::at;

/// The longest lifetime of a token and five minutes more.
const VERIFY_SECONDS: u64 = 3600 + 300;

pub(crate) fn encrypted_key(id: &str) -> EncryptedSigningKey {
    EncryptedSigningKey { id: id.to_owned(), algorithm: "EdDSA".to_owned(), ciphertext: vec![1], created_at: at(0) }
}

/// The keys at this second, each with the second from which on it signs.
pub(crate) fn keyring(now: u64, keys: &[(&str, u64)]) -> Keyring {
    let published = |(id, from): &(&str, u64)| PublishedKey { key: encrypted_key(id), signs_from: at(*from) };
    Keyring::new(at(now), keys.iter().map(published).collect())
}

fn stages(ring: &Keyring) -> Vec<(&str, KeyStage)> {
    ring.stages().map(|(key, stage)| (key.key.id.as_str(), stage)).collect()
}

#[test]
fn the_last_key_whose_signing_time_has_begun_signs() {
    use KeyStage::{Published, Signing, Verifying};
    let keys = [("b", 100), ("a", 0)];
    assert_eq!(stages(&keyring(99, &keys)), [("a", Signing), ("b", Published)]);
    assert_eq!(stages(&keyring(100, &keys)), [("a", Verifying), ("b", Signing)]);
    assert_eq!(keyring(100, &keys).signing().unwrap().key.id, "b");
    assert_eq!(keyring(0, &[]).signing(), None);
}

#[test]
fn every_server_orders_the_keys_alike_by_their_signing_times_and_then_by_their_ids() {
    for keys in [[("b", 7), ("c", 7), ("a", 9)], [("a", 9), ("c", 7), ("b", 7)]] {
        let ring = keyring(8, &keys);
        let ids: Vec<&str> = ring.keys().iter().map(|key| key.key.id.as_str()).collect();
        assert_eq!(ids, ["b", "c", "a"]);
        assert_eq!(ring.signing().unwrap().key.id, "c");
    }
}

#[test]
fn the_first_key_signs_when_the_clock_was_set_back() {
    assert_eq!(stages(&keyring(5, &[("b", 20), ("a", 10)])), [("a", KeyStage::Signing), ("b", KeyStage::Published)]);
}

#[test]
fn each_stage_has_the_name_that_operators_read() {
    let names = [KeyStage::Published, KeyStage::Signing, KeyStage::Verifying].map(KeyStage::name);
    assert_eq!(names, ["published", "signing", "verifying"]);
}

#[test]
fn a_key_is_needed_until_the_last_token_it_has_signed_has_expired() {
    let ring = keyring(150, &[("a", 0), ("b", 100)]);
    assert_eq!(ring.needed_until("a"), Some(at(100 + VERIFY_SECONDS)));
    assert_eq!(ring.needed_until("b"), None, "the last key has no successor");
    assert_eq!(ring.needed_until("c"), None, "there is no such key");
}

#[test]
fn a_key_is_dropped_when_its_last_token_has_expired_and_not_before() {
    let keys = [("a", 0), ("b", 100), ("c", 200)];
    let end = 100 + VERIFY_SECONDS;
    assert_eq!(keyring(end - 1, &keys).expired(), None);
    let change = keyring(end, &keys).expired().unwrap();
    assert_eq!((change.drop, change.publish), (vec!["a".to_owned()], None));
    assert_eq!(change.expected_ids, ["a", "b", "c"], "the change applies only to the keys it was decided on");
    assert_eq!(keyring(end + 100, &keys).expired().unwrap().drop, ["a", "b"]);
    assert_eq!(keyring(end * 9, &keys[..1]).expired(), None, "the key that signs is never dropped");
}

#[test]
fn tokens_signed_by_a_late_server_expire_before_their_key_is_dropped() {
    let latest_signature = MAX_KEYS_AGE;
    let clocks_apart = Duration::from_secs(2 * 120);
    assert!(latest_signature + clocks_apart + TokenLifetime::MAX < VERIFY_AFTER_RETIREMENT);
    assert!(MAX_KEYS_AGE < MIN_LEAD_TIME);
}
