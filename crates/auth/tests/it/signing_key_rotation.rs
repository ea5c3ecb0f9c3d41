//! The changes of the token signing keys: the publication of the next key, and the premature end of one.

use std::time::Duration;

use auth::{KeyRotationError, MIN_LEAD_TIME};

use crate::{
    signing_keys::{encrypted_key, keyring},
    support::at,
};

#[test]
fn the_next_key_is_published_before_it_signs() {
    let ring = keyring(100, &[("a", 0)]);
    let too_late = ring.rotate(encrypted_key("b"), MIN_LEAD_TIME - Duration::from_nanos(1));
    assert_eq!(too_late, Err(KeyRotationError::LeadTooShort));
    let change = ring.rotate(encrypted_key("b"), MIN_LEAD_TIME).unwrap();
    assert_eq!(change.publish, Some((encrypted_key("b"), MIN_LEAD_TIME)));
    assert_eq!((change.expected_ids, change.drop), (vec!["a".to_owned()], vec![]));
}

#[test]
fn only_one_next_key_is_published_at_a_time() {
    let keys = [("a", 0), ("b", 130)];
    let refused = keyring(129, &keys).rotate(encrypted_key("c"), MIN_LEAD_TIME);
    assert_eq!(refused, Err(KeyRotationError::InProgress { id: "b".to_owned(), signs_from: at(130) }));
    assert!(keyring(130, &keys).rotate(encrypted_key("c"), MIN_LEAD_TIME).is_ok());
}

#[test]
fn the_signing_key_is_replaced_immediately_when_it_is_retired() {
    let ring = keyring(150, &[("a", 0), ("b", 100), ("c", 200)]);
    let change = ring.retire("b", encrypted_key("new")).unwrap();
    assert_eq!(change.drop, ["b"]);
    assert_eq!(change.publish, Some((encrypted_key("new"), Duration::ZERO)));
    assert_eq!(change.expected_ids, ["a", "b", "c"]);
}

#[test]
fn a_key_that_does_not_sign_is_retired_without_a_replacement() {
    let ring = keyring(150, &[("a", 0), ("b", 100), ("c", 200)]);
    for id in ["a", "c"] {
        let change = ring.retire(id, encrypted_key("new")).unwrap();
        assert_eq!((change.drop, change.publish), (vec![id.to_owned()], None));
    }
}

#[test]
fn an_unknown_key_is_not_retired() {
    let refused = keyring(150, &[("a", 0)]).retire("d", encrypted_key("new"));
    assert_eq!(refused, Err(KeyRotationError::UnknownKey("d".to_owned())));
}

#[test]
fn a_rotation_is_due_when_the_key_has_signed_long_enough_and_no_successor_is_published() {
    let lifetime = Duration::from_secs(1000);
    assert!(!keyring(1099, &[("a", 100)]).is_due(lifetime));
    assert!(keyring(1100, &[("a", 100)]).is_due(lifetime));
    assert!(!keyring(1100, &[("a", 100), ("b", 1130)]).is_due(lifetime));
    assert!(!keyring(1130, &[("a", 100), ("b", 1130)]).is_due(lifetime));
    assert!(keyring(2130, &[("a", 100), ("b", 1130)]).is_due(lifetime));
    assert!(!keyring(5000, &[]).is_due(lifetime), "an installation without a key gets its first one elsewhere");
}
