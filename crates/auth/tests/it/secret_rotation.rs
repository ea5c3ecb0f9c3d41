//! The rotation of an account's secret, and the grace period of the previous one.

use std::time::Duration;

use auth::{AccountError, SecretHash, ServiceAccount, StoredSecret};

use crate::support::{millis, service_account, valid_secrets};

const DAY: Duration = Duration::from_secs(86_400);

fn rotated(account: &ServiceAccount, secret: &str, grace: Duration) -> Result<ServiceAccount, AccountError> {
    account.with_rotated_secret(SecretHash::new(secret), grace, millis(0))
}

#[test]
fn the_old_secret_is_valid_only_during_its_grace_period() {
    let account = rotated(&service_account(), "second", Duration::from_secs(60)).unwrap();
    assert_eq!(valid_secrets(&account, millis(59_999)), ["second", "first"]);
    assert_eq!(valid_secrets(&account, millis(60_000)), ["second"]);
}

#[test]
fn another_rotation_ends_the_oldest_secret_immediately() {
    let once = rotated(&service_account(), "second", DAY).unwrap();
    let twice = rotated(&once, "third", DAY).unwrap();
    assert_eq!(valid_secrets(&twice, millis(1)), ["third", "second"]);
}

#[test]
fn a_rotation_without_a_grace_period_ends_the_old_secret_immediately() {
    let account = rotated(&service_account(), "second", Duration::ZERO).unwrap();
    assert_eq!(valid_secrets(&account, millis(0)), ["second"]);
}

#[test]
fn a_grace_period_may_last_seven_days_and_no_longer() {
    let account = rotated(&service_account(), "second", 7 * DAY).unwrap();
    assert_eq!(account.secrets[1].expires_at, Some(millis(0) + 7 * DAY));
    for grace in [7 * DAY + Duration::from_nanos(1), 8 * DAY, Duration::MAX] {
        assert_eq!(rotated(&service_account(), "second", grace), Err(AccountError::GraceTooLong), "{grace:?}");
    }
}

#[test]
fn a_rotation_changes_the_secrets_and_nothing_else() {
    let account = rotated(&service_account(), "second", Duration::ZERO).unwrap();
    let secrets = vec![StoredSecret { hash: SecretHash::new("second"), expires_at: None }];
    assert_eq!(account, ServiceAccount { secrets, ..service_account() });
}
