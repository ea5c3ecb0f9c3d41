//! Users and their email addresses.

use auth::{Role, User, UserEmail, UserStatus, parse_user_email};
use kernel::Title;

#[test]
fn an_email_address_is_compared_without_regard_to_case_and_surrounding_space() {
    for text in ["M.Halloran@Brackwater.Example", " m.halloran@brackwater.example\n", "m.HALLORAN@brackwater.example"] {
        assert_eq!(parse_user_email(text).unwrap().as_str(), "m.halloran@brackwater.example");
    }
    assert_eq!(parse_user_email("ÄRGER@exämple.org").unwrap().as_str(), "ärger@exämple.org");
    assert!(UserEmail::parse("M@brackwater.example").is_err(), "only the folded form is stored");
}

#[test]
fn texts_that_are_no_email_addresses_are_refused() {
    let long = format!("{}@b.example", "a".repeat(250));
    for text in ["", "a", "a@", "@b", "a b@c", "a@b@c", "a@b\u{0}", "a@b\u{202e}c", &long] {
        assert!(parse_user_email(text).is_err(), "{text:?}");
    }
}

#[test]
fn only_an_active_user_may_sign_in() {
    let user = User::invited(Title::parse("M").unwrap(), parse_user_email("m@b.example").unwrap(), Role::Lead);
    assert_eq!((user.status, user.is_active()), (UserStatus::Invited, false));
    assert!(user.with_status(UserStatus::Active).is_active());
    assert!(!user.with_status(UserStatus::Disabled).is_active());
    assert_eq!(user.with_role(Role::Reader).role, Role::Reader);
}
