//! Second factors: enrollment, codes, recovery codes.

use auth::{OpaqueToken, RecoveryCode, Role, SessionLevel, StoredUser, TotpSecret, UserCaller, UserDenied};
use novantra_people::{EnrollmentForm, PeopleError, SignInOutcome};

use crate::harness::{EMAIL, Harness, begun, refused};

/// A lead with a second factor.
struct Enrolled {
    harness: Harness,
    user: StoredUser,
    secret: TotpSecret,
    codes: Vec<RecoveryCode>,
    caller: UserCaller,
}

async fn enrolled() -> Enrolled {
    let harness = Harness::open().await;
    let user = harness.active_user(EMAIL, Role::Lead).await;
    let caller = harness.caller(EMAIL).await;
    let offer = harness.people.offer_second_factor(&user);
    let code = harness.code(&offer.secret);
    let form = EnrollmentForm { sealed: &offer.sealed, code: &code };
    let enrolled = harness.people.enroll_second_factor(&caller, form, &harness.client("192.0.2.1")).await.unwrap();
    let caller = harness.people.authenticate(&enrolled.begun.session.token).await.unwrap();
    harness.advance(60);
    Enrolled { harness, user, secret: offer.secret, codes: enrolled.recovery_codes, caller }
}

impl Enrolled {
    /// Signs in with the password, and returns the token that waits for the code.
    async fn pending(&self) -> OpaqueToken {
        let pending = self.harness.signed_in(EMAIL).await;
        assert_eq!(pending.session.session.level, SessionLevel::SecondFactorPending);
        assert!(self.harness.people.authenticate(&pending.session.token).await.is_err());
        pending.session.token
    }

    async fn verify(&self, token: &OpaqueToken, code: &str) -> SignInOutcome {
        self.harness.people.verify_second_factor(token, code, &self.harness.client("192.0.2.1")).await.unwrap()
    }
}

#[tokio::test]
async fn a_sign_in_is_complete_after_the_code_and_with_another_token() {
    let enrolled = enrolled().await;
    let entries = enrolled.harness.entries().await;
    let pending = enrolled.pending().await;
    let complete = begun(enrolled.verify(&pending, &enrolled.harness.code(&enrolled.secret)).await);
    assert_eq!(enrolled.harness.actions(entries).await, ["user.password_accepted", "user.signed_in"]);
    assert_ne!(complete.session.token.expose(), pending.expose());
    assert!(complete.device_cookie.is_some());
    let caller = enrolled.harness.people.authenticate(&complete.session.token).await.unwrap();
    assert_eq!(caller.user.meta.id, enrolled.user.meta.id);
    assert!(enrolled.harness.people.pending_sign_in(&pending).await.is_err(), "the earlier session is over");
}

#[tokio::test]
async fn a_code_is_accepted_once_and_none_of_an_earlier_step_after_it() {
    let enrolled = enrolled().await;
    let earlier = enrolled.harness.code(&enrolled.secret);
    enrolled.harness.advance(30);
    let code = enrolled.harness.code(&enrolled.secret);
    begun(enrolled.verify(&enrolled.pending().await, &code).await);
    let next = enrolled.pending().await;
    refused(enrolled.verify(&next, &code).await);
    refused(enrolled.verify(&next, &earlier).await);
    enrolled.harness.advance(30);
    begun(enrolled.verify(&next, &enrolled.harness.code(&enrolled.secret)).await);
}

#[tokio::test]
async fn of_concurrent_uses_of_one_code_one_is_accepted() {
    let enrolled = enrolled().await;
    let code = enrolled.harness.code(&enrolled.secret);
    let [one, other] = [enrolled.pending().await, enrolled.pending().await];
    let (one, other) = tokio::join!(enrolled.verify(&one, &code), enrolled.verify(&other, &code));
    let accepted = [one, other].iter().filter(|outcome| matches!(outcome, SignInOutcome::Begun(_))).count();
    assert_eq!(accepted, 1);
}

#[tokio::test]
async fn the_code_of_the_enrollment_does_not_complete_a_sign_in() {
    let harness = Harness::open().await;
    let user = harness.active_user(EMAIL, Role::Lead).await;
    let caller = harness.caller(EMAIL).await;
    let (offer, client) = (harness.people.offer_second_factor(&user), harness.client("192.0.2.1"));
    let code = harness.code(&offer.secret);
    let form = EnrollmentForm { sealed: &offer.sealed, code: &code };
    harness.people.enroll_second_factor(&caller, form, &client).await.unwrap();
    let pending = harness.signed_in(EMAIL).await.session.token;
    refused(harness.people.verify_second_factor(&pending, &code, &client).await.unwrap());
}

#[tokio::test]
async fn each_recovery_code_replaces_a_code_once() {
    let enrolled = enrolled().await;
    assert_eq!(enrolled.codes.len(), RecoveryCode::COUNT);
    let entries = enrolled.harness.entries().await;
    let code = enrolled.codes[3].expose();
    begun(enrolled.verify(&enrolled.pending().await, &format!(" {} ", code.to_uppercase())).await);
    let actions = enrolled.harness.actions(entries).await;
    assert_eq!(actions, ["user.password_accepted", "user.signed_in", "user.recovery_code_used"]);
    refused(enrolled.verify(&enrolled.pending().await, &code).await);
    begun(enrolled.verify(&enrolled.pending().await, &enrolled.codes[4].expose()).await);
}

#[tokio::test]
async fn replaced_recovery_codes_work_no_more() {
    let enrolled = enrolled().await;
    let client = enrolled.harness.client("192.0.2.1");
    let new = enrolled.harness.people.replace_recovery_codes(&enrolled.caller, &client).await.unwrap();
    refused(enrolled.verify(&enrolled.pending().await, &enrolled.codes[0].expose()).await);
    begun(enrolled.verify(&enrolled.pending().await, &new[0].expose()).await);
}

#[tokio::test]
async fn wrong_codes_are_limited_for_a_user_over_all_networks() {
    let enrolled = enrolled().await;
    let pending = enrolled.pending().await;
    let mut checked = 0;
    for number in 0..20 {
        let client = enrolled.harness.client(&format!("198.51.{number}.1"));
        let outcome = enrolled.harness.people.verify_second_factor(&pending, "000000", &client).await.unwrap();
        checked += usize::from(refused(outcome).retry_after.is_none());
    }
    assert_eq!(checked, 3);
}

#[tokio::test]
async fn a_sign_in_that_waits_for_a_code_ends_after_ten_minutes() {
    let enrolled = enrolled().await;
    let pending = enrolled.pending().await;
    enrolled.harness.advance(600);
    let code = enrolled.harness.code(&enrolled.secret);
    let client = enrolled.harness.client("192.0.2.1");
    let late = enrolled.harness.people.verify_second_factor(&pending, &code, &client).await;
    assert!(matches!(late, Err(PeopleError::Denied(UserDenied::SignedOut))), "{late:?}");
}

#[tokio::test]
async fn an_offered_secret_is_enrolled_only_by_the_one_it_was_offered_to_with_its_code() {
    let harness = Harness::open().await;
    let user = harness.active_user(EMAIL, Role::Lead).await;
    let other = harness.active_user("other@b.example", Role::Lead).await;
    let caller = harness.caller(EMAIL).await;
    let client = harness.client("192.0.2.1");
    let [own, foreign] = [&user, &other].map(|user| harness.people.offer_second_factor(user));
    let (code, foreign_code) = (harness.code(&own.secret), harness.code(&foreign.secret));
    for (sealed, code) in [(&*foreign.sealed, &*foreign_code), (&*own.sealed, "000000"), ("", &code), ("!", &code)] {
        let refused = harness.people.enroll_second_factor(&caller, EnrollmentForm { sealed, code }, &client).await;
        assert!(matches!(&refused, Err(PeopleError::Invalid(faults)) if faults[0].field == "code"), "{refused:?}");
    }
    let form = EnrollmentForm { sealed: &own.sealed, code: &code };
    harness.people.enroll_second_factor(&caller, form, &client).await.unwrap();
}

#[tokio::test]
async fn an_enrollment_ends_the_other_sessions_and_needs_a_recent_password() {
    let harness = Harness::open().await;
    let user = harness.active_user(EMAIL, Role::Lead).await;
    let (other, caller) = (harness.signed_in(EMAIL).await, harness.caller(EMAIL).await);
    let client = harness.client("192.0.2.1");
    let offer = harness.people.offer_second_factor(&user);
    harness.advance(900);
    let code = harness.code(&offer.secret);
    let form = EnrollmentForm { sealed: &offer.sealed, code: &code };
    let late = harness.people.enroll_second_factor(&caller, form, &client).await;
    assert!(matches!(late, Err(PeopleError::Denied(UserDenied::NotRecent))), "{late:?}");
    let password = secrecy::SecretString::from(crate::harness::PASSWORD);
    harness.people.reauthenticate(&caller, &password, &client).await.unwrap();
    let session = harness.people.sessions(Some(&caller), harness.home.id, user.meta.id).await.unwrap();
    let current = session.into_iter().find(|session| session.id == caller.session.id).unwrap();
    let caller = UserCaller { session: std::sync::Arc::new(current), ..caller };
    let enrolled = harness.people.enroll_second_factor(&caller, form, &client).await.unwrap();
    assert!(harness.people.authenticate(&other.session.token).await.is_err());
    harness.people.authenticate(&enrolled.begun.session.token).await.unwrap();
}

#[tokio::test]
async fn a_second_factor_is_removed_unless_the_role_requires_one() {
    let enrolled = enrolled().await;
    let client = enrolled.harness.client("192.0.2.1");
    enrolled.harness.people.remove_second_factor(&enrolled.caller, &client).await.unwrap();
    assert_eq!(enrolled.harness.signed_in(EMAIL).await.session.session.level, SessionLevel::Full);
    let administrator = enrolled.harness.administrator("admin@b.example").await;
    let refused = enrolled.harness.people.remove_second_factor(&administrator, &client).await;
    assert!(matches!(refused, Err(PeopleError::SecondFactorRequired)), "{refused:?}");
}
