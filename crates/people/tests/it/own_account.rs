//! The password and the profile of a signed-in user.

use auth::Role;
use kernel::{RecordKey, Title};
use novantra_people::PeopleError;
use secrecy::SecretString;

use crate::harness::{EMAIL, Harness, OTHER_PASSWORD, PASSWORD, begun, refused};

#[tokio::test]
async fn another_password_ends_all_sessions_but_the_new_one() {
    let harness = Harness::open().await;
    harness.active_user(EMAIL, Role::Lead).await;
    let (before, caller) = (harness.signed_in(EMAIL).await, harness.caller(EMAIL).await);
    let [current, new] = [PASSWORD, OTHER_PASSWORD].map(SecretString::from);
    let client = harness.client("192.0.2.1");
    let wrong = harness.people.change_password(&caller, &new, &new, &client).await;
    assert!(matches!(wrong, Err(PeopleError::WrongPassword)), "{wrong:?}");
    let weak = harness.people.change_password(&caller, &current, &SecretString::from("short"), &client).await;
    assert!(matches!(weak, Err(PeopleError::Invalid(_))), "{weak:?}");
    let after = harness.people.change_password(&caller, &current, &new, &client).await.unwrap();
    assert!(harness.people.authenticate(&before.session.token).await.is_err());
    harness.people.authenticate(&after.session.token).await.unwrap();
    refused(harness.sign_in(EMAIL, PASSWORD, &client).await);
    begun(harness.sign_in(EMAIL, OTHER_PASSWORD, &client).await);
}

#[tokio::test]
async fn guesses_at_the_own_password_are_limited_like_those_of_a_sign_in() {
    let harness = Harness::open().await;
    harness.active_user(EMAIL, Role::Lead).await;
    let caller = harness.caller(EMAIL).await;
    let (wrong, client) = (SecretString::from(OTHER_PASSWORD), harness.client("192.0.2.1"));
    let mut checked = 0;
    for _ in 0..20 {
        match harness.people.reauthenticate(&caller, &wrong, &client).await {
            Err(PeopleError::WrongPassword) => checked += 1,
            Err(PeopleError::TooManyAttempts { .. }) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(checked, 5);
}

#[tokio::test]
async fn a_user_changes_their_name_and_time_zone_and_stays_signed_in() {
    let harness = Harness::open().await;
    harness.active_user(EMAIL, Role::Reader).await;
    let begun = harness.signed_in(EMAIL).await;
    let caller = harness.people.authenticate(&begun.session.token).await.unwrap();
    let (name, timezone) = (Title::parse("M. Halloran").unwrap(), RecordKey::parse("America/Denver").ok());
    let (entries, client) = (harness.entries().await, harness.client("192.0.2.1"));
    let after = harness.people.set_profile(&caller, name.clone(), timezone.clone(), &client).await.unwrap();
    assert_eq!((&after.record.name, &after.record.timezone), (&name, &timezone));
    assert_eq!(harness.actions(entries).await, ["user.updated"]);
    assert_eq!(*harness.people.authenticate(&begun.session.token).await.unwrap().user, after);
    let stale = harness.people.set_profile(&caller, name, None, &client).await;
    assert!(matches!(stale, Err(PeopleError::Contended)), "{stale:?}");
}
