//! Passkeys among the credentials of a user.

use std::time::Duration;

use auth::{
    Credentials, Passkey, PasskeyAnswer, PasskeyId, PasskeyName, PasswordHash, SecondFactor, TokenHash, UserHandle,
};
use kernel::{Id, Timestamp, Ulid};
use write_harness::NOW;

fn passkey(number: u8) -> Passkey {
    Passkey {
        id: Id::new(Ulid(number.into())),
        credential_id: vec![number],
        public_key: vec![number],
        sign_count: 1,
        is_backup_eligible: false,
        name: PasskeyName::parse("Laptop").unwrap(),
        created_at: NOW,
        last_used_at: None,
        last_challenge_at: NOW,
    }
}

fn credentials() -> Credentials {
    Credentials::new(PasswordHash::new("$"), NOW).with_passkey(passkey(1), Some(vec![TokenHash([1; 32])]))
}

fn answer(challenge_at: Timestamp, at: Timestamp) -> PasskeyAnswer {
    PasskeyAnswer { sign_count: 2, challenge_at, at }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn a_passkey_is_a_second_factor_and_recovery_codes_go_with_the_last_one() {
    let credentials = credentials();
    assert!(credentials.has_second_factor());
    let app = SecondFactor { ciphertext: vec![1], enrolled_at: NOW, last_step: 1 };
    let both = credentials.with_second_factor(app, vec![TokenHash([2; 32])]).with_passkey(passkey(2), None);
    assert_eq!((both.version, both.passkeys.len(), both.recovery_codes.len()), (4, 2, 1));
    let without_app = both.without_authenticator_app();
    assert_eq!((without_app.has_second_factor(), without_app.recovery_codes.len()), (true, 1));
    let one = without_app.without_passkey(passkey(1).id).unwrap();
    assert_eq!((one.has_second_factor(), one.recovery_codes.len()), (true, 1));
    let none = one.without_passkey(passkey(2).id).unwrap();
    assert_eq!((none.has_second_factor(), none.recovery_codes.len(), none.version), (false, 0, 7));
    assert_eq!(none.without_passkey(passkey(2).id), None);
    let reset = both.without_second_factors();
    assert_eq!((reset.second_factor, reset.passkeys.len(), reset.recovery_codes.len()), (None, 0, 0));
}

#[test]
fn a_challenge_is_answered_once_and_none_of_an_earlier_time_after_it() {
    let (credentials, id) = (credentials(), passkey(1).id);
    assert_eq!(credentials.with_used_passkey(id, answer(NOW, NOW + seconds(1))), None, "that of the registration");
    let used = credentials.with_used_passkey(id, answer(NOW + seconds(10), NOW + seconds(20))).unwrap();
    let passkey = &used.passkeys[0];
    assert_eq!((passkey.sign_count, passkey.last_used_at), (2, Some(NOW + seconds(20))));
    for earlier in [10, 9, 0] {
        assert_eq!(used.with_used_passkey(id, answer(NOW + seconds(earlier), NOW + seconds(20))), None, "{earlier}");
    }
    assert!(used.with_used_passkey(id, answer(NOW + seconds(11), NOW + seconds(20))).is_some());
    assert_eq!(used.with_used_passkey(PasskeyId::new(Ulid(9)), answer(NOW + seconds(11), NOW)), None);
}

#[test]
fn a_passkey_that_was_used_while_the_clock_was_ahead_works_after_it_was_set_back() {
    let (credentials, id) = (credentials(), passkey(1).id);
    let ahead = NOW + seconds(86_400);
    let used = credentials.with_used_passkey(id, answer(ahead, ahead)).unwrap();
    assert!(used.with_used_passkey(id, answer(NOW + seconds(5), NOW + seconds(6))).is_some());
    assert!(!Passkey::is_challenge_live(ahead, NOW + seconds(6)), "the one that was answered is not live");
}

#[test]
fn a_challenge_can_be_answered_for_five_minutes() {
    assert!(Passkey::is_challenge_live(NOW, NOW) && Passkey::is_challenge_live(NOW, NOW + seconds(299)));
    assert!(
        !Passkey::is_challenge_live(NOW, NOW + seconds(300)) && !Passkey::is_challenge_live(NOW + seconds(61), NOW)
    );
}

#[test]
fn a_passkey_is_renamed() {
    let name = PasskeyName::parse("  Blue key ").unwrap();
    let renamed = credentials().with_renamed_passkey(passkey(1).id, &name).unwrap();
    assert_eq!(renamed.passkeys[0].name.as_str(), "Blue key");
    for bad in ["", "  ", "a\nb", &"a".repeat(61)] {
        assert!(PasskeyName::parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn a_user_handle_is_read_back_and_nothing_else() {
    let handle = UserHandle { organization: Id::new(Ulid(1)), user: Id::new(Ulid(2)) };
    assert_eq!(UserHandle::parse(&handle.to_bytes()), Some(handle));
    for bad in [&b""[..], &[0; 31], &[0; 33]] {
        assert_eq!(UserHandle::parse(bad), None);
    }
}
