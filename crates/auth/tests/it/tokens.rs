//! The lifetime of access tokens.

use std::time::Duration;

use auth::{Claims, TokenLifetime};
use kernel::{Id, Organization};
use scopes::ScopeSet;

use crate::support::at;

fn lifetime(seconds: u64) -> Option<TokenLifetime> {
    TokenLifetime::new(Duration::from_secs(seconds))
}

#[test]
fn a_token_may_live_for_one_minute_to_one_hour() {
    for seconds in [0, 59, 3601, u64::MAX] {
        assert_eq!(lifetime(seconds), None, "{seconds} s");
    }
    for seconds in [60, 900, 3600] {
        assert_eq!(lifetime(seconds).unwrap().expiry(at(100), None), at(100 + seconds));
    }
}

#[test]
fn the_limits_of_the_lifetime_hold_to_the_nanosecond() {
    let nanosecond = Duration::from_nanos(1);
    assert_eq!(TokenLifetime::new(TokenLifetime::MAX + nanosecond), None);
    assert_eq!(TokenLifetime::new(Duration::from_millis(3_600_999)), None);
    assert_eq!(TokenLifetime::new(TokenLifetime::MIN - nanosecond), None);
    assert!(TokenLifetime::new(TokenLifetime::MIN + nanosecond).is_some());
}

#[test]
fn a_token_lives_for_fifteen_minutes_by_default() {
    assert_eq!(TokenLifetime::default().expiry(at(0), None), at(900));
}

#[test]
fn a_token_expires_with_its_account_if_that_is_earlier() {
    let lifetime = lifetime(600).unwrap();
    assert_eq!(lifetime.expiry(at(1000), Some(at(1599))), at(1599));
    assert_eq!(lifetime.expiry(at(1000), Some(at(1600))), at(1600));
    assert_eq!(lifetime.expiry(at(1000), Some(at(5000))), at(1600));
}

#[test]
fn a_token_is_live_from_its_issue_to_its_expiry_and_not_while_it_is_from_the_future() {
    let claims = Claims {
        account: Id::new(kernel::Ulid(1)),
        organization: Id::<Organization>::new(kernel::Ulid(2)),
        scopes: ScopeSet::EMPTY,
        issued_at: at(7200),
        expires_at: at(8100),
        id: "token".to_owned(),
    };
    for (seconds, live) in [(0, false), (7139, false), (7140, true), (7200, true), (8099, true), (8100, false)] {
        assert_eq!(claims.is_live_at(at(seconds)), live, "second {seconds}");
    }
}
