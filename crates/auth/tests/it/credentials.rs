//! The check of a client id and secret.

use std::{sync::Mutex, time::Duration};

use auth::{
    Account, AccountStatus, ClientSecret, CredentialCheck, DUMMY_HASH, SecretHash, SecretHasher, ServiceAccount,
    check_credentials,
};
use kernel::Timestamp;

use crate::{
    client_secrets::SECRET,
    support::{EXPIRY, millis, service_account, stored},
};

/// A hasher for which the secret has one hash, and which records the hashes of each verification.
struct FakeHasher {
    hash_of_secret: &'static str,
    verified: Mutex<Vec<Vec<String>>>,
}

impl SecretHasher for FakeHasher {
    fn hash(&self, _: &ClientSecret, _: Option<&SecretHash>) -> SecretHash {
        SecretHash::new(self.hash_of_secret)
    }

    fn verify(&self, _: &ClientSecret, hashes: &[&SecretHash]) -> bool {
        self.verified.lock().unwrap().push(hashes.iter().map(|hash| hash.as_str().to_owned()).collect());
        hashes.iter().any(|hash| hash.as_str() == self.hash_of_secret)
    }
}

/// Returns the result of the check of a secret with this hash, and the hashes it was compared with in one verification.
fn check(hash_of_secret: &'static str, account: Option<&Account>, now: Timestamp) -> (CredentialCheck, Vec<String>) {
    let hasher = FakeHasher { hash_of_secret, verified: Mutex::default() };
    let result = check_credentials(&hasher, account, &ClientSecret::parse(SECRET).unwrap(), now);
    let verified = hasher.verified.into_inner().unwrap();
    let [hashes] = verified.try_into().expect("each check costs exactly one verification");
    (result, hashes)
}

fn rotated() -> ServiceAccount {
    service_account().with_rotated_secret(SecretHash::new("second"), Duration::from_secs(60), millis(0)).unwrap()
}

#[test]
fn an_active_account_is_authenticated_by_its_secret() {
    let account = stored(service_account());
    assert_eq!(check("first", Some(&account), millis(1)), (CredentialCheck::Valid, vec!["first".to_owned()]));
}

#[test]
fn a_wrong_secret_is_refused_at_the_cost_of_a_right_one() {
    let account = stored(service_account());
    assert_eq!(check("other", Some(&account), millis(1)), (CredentialCheck::Invalid, vec!["first".to_owned()]));
}

#[test]
fn both_secrets_authenticate_during_the_grace_period_and_then_only_the_new_one() {
    let account = stored(rotated());
    for secret in ["first", "second"] {
        let (result, hashes) = check(secret, Some(&account), millis(59_999));
        assert_eq!((result, hashes), (CredentialCheck::Valid, vec!["second".to_owned(), "first".to_owned()]));
    }
    assert_eq!(check("first", Some(&account), millis(60_000)).0, CredentialCheck::Invalid);
    assert_eq!(check("second", Some(&account), millis(60_000)).0, CredentialCheck::Valid);
}

#[test]
fn the_right_secret_of_a_disabled_or_expired_account_is_refused_at_the_same_cost() {
    let disabled = stored(service_account().with_status(AccountStatus::Disabled));
    assert_eq!(check("first", Some(&disabled), millis(1)), (CredentialCheck::Invalid, vec!["first".to_owned()]));
    let expired = stored(service_account());
    assert_eq!(check("first", Some(&expired), EXPIRY), (CredentialCheck::Invalid, vec!["first".to_owned()]));
}

#[test]
fn a_client_id_without_an_account_is_refused_at_the_cost_of_a_wrong_secret() {
    let refused = (CredentialCheck::Invalid, vec![DUMMY_HASH.to_owned()]);
    assert_eq!(check("first", None, millis(1)), refused);
    assert_eq!(check(DUMMY_HASH, None, millis(1)), refused, "even if a secret had the dummy hash");
}

#[test]
fn an_account_whose_secrets_have_all_ended_is_refused_at_the_cost_of_a_wrong_secret() {
    let secrets = vec![auth::StoredSecret { hash: SecretHash::new("first"), expires_at: Some(millis(10)) }];
    let account = stored(ServiceAccount { secrets, ..service_account() });
    let refused = (CredentialCheck::Invalid, vec![DUMMY_HASH.to_owned()]);
    assert_eq!(check("first", Some(&account), millis(10)), refused);
}
