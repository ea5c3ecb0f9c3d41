//! The sessions of users.

use auth::{Permission, Role, Session, UserDenied};
use novantra_people::PeopleError;

use crate::harness::{EMAIL, Harness};

#[tokio::test]
async fn a_session_that_is_used_ends_at_its_end_and_an_unused_one_earlier() {
    let harness = Harness::open().await;
    harness.active_user(EMAIL, Role::Lead).await;
    let (used, idle) = (harness.signed_in(EMAIL).await, harness.signed_in(EMAIL).await);
    for hour in 1..24 {
        harness.advance(3600);
        harness.people.authenticate(&used.session.token).await.unwrap();
        if hour == 8 {
            assert!(harness.people.authenticate(&idle.session.token).await.is_err());
        }
    }
    harness.advance(3600);
    assert!(harness.people.authenticate(&used.session.token).await.is_err());
}

#[tokio::test]
async fn the_last_use_is_recorded_at_most_once_a_minute() {
    let harness = Harness::open().await;
    harness.active_user(EMAIL, Role::Lead).await;
    let begun = harness.signed_in(EMAIL).await;
    let start = harness.now();
    let last_used = async || harness.people.authenticate(&begun.session.token).await.unwrap().session.last_used_at;
    harness.advance(59);
    assert_eq!((last_used().await, last_used().await), (start, start));
    harness.advance(1);
    last_used().await;
    assert_eq!(last_used().await, harness.now());
}

#[tokio::test]
async fn signing_out_ends_the_session_and_may_be_repeated() {
    let harness = Harness::open().await;
    harness.active_user(EMAIL, Role::Lead).await;
    let (begun, other) = (harness.signed_in(EMAIL).await, harness.signed_in(EMAIL).await);
    let caller = harness.people.authenticate(&begun.session.token).await.unwrap();
    let (entries, client) = (harness.entries().await, harness.client("192.0.2.1"));
    for _ in 0..2 {
        harness.people.sign_out(&caller, &client).await.unwrap();
    }
    assert_eq!(harness.actions(entries).await, ["user.signed_out"]);
    assert!(harness.people.authenticate(&begun.session.token).await.is_err());
    harness.people.authenticate(&other.session.token).await.unwrap();
}

#[tokio::test]
async fn users_see_and_end_their_own_sessions_and_administrators_those_of_others() {
    let harness = Harness::open().await;
    let administrator = harness.administrator("admin@b.example").await;
    let user = harness.active_user(EMAIL, Role::Reader).await;
    let (first, caller) = (harness.signed_in(EMAIL).await, harness.caller(EMAIL).await);
    let id = user.meta.id;
    let own = harness.people.sessions(Some(&caller), harness.home.id, id).await.unwrap();
    assert_eq!(own.len(), 3, "that of the invitation, and two");
    let author = harness.user_author(&caller);
    harness.people.revoke_session(&author, &harness.home, id, first.session.session.id).await.unwrap();
    let gone = harness.people.revoke_session(&author, &harness.home, id, first.session.session.id).await;
    assert!(matches!(gone, Err(PeopleError::NotFound)), "{gone:?}");
    harness.people.revoke_sessions(&author, &harness.home, id).await.unwrap();
    let left: Vec<Session> = harness.people.sessions(Some(&caller), harness.home.id, id).await.unwrap();
    assert_eq!(left.iter().map(|session| session.id).collect::<Vec<_>>(), [caller.session.id]);

    let foreign = administrator.user.meta.id;
    let refused = harness.people.sessions(Some(&caller), harness.home.id, foreign).await;
    let denied = UserDenied::MissingPermission(Permission::ReadPeople);
    assert!(matches!(&refused, Err(PeopleError::Denied(reason)) if *reason == denied), "{refused:?}");
    let refused = harness.people.revoke_sessions(&author, &harness.home, foreign).await;
    assert!(matches!(refused, Err(PeopleError::Denied(_))), "{refused:?}");
    let author = harness.user_author(&administrator);
    let of_another = harness.people.revoke_session(&author, &harness.home, foreign, caller.session.id).await;
    assert!(matches!(of_another, Err(PeopleError::NotFound)), "{of_another:?}");
    harness.people.revoke_sessions(&author, &harness.home, id).await.unwrap();
    assert_eq!(harness.people.sessions(None, harness.home.id, id).await.unwrap(), []);
}

#[tokio::test]
async fn a_user_has_a_bounded_number_of_sessions() {
    let harness = Harness::open().await;
    let user = harness.active_user(EMAIL, Role::Lead).await;
    for _ in 0..Session::MAX_PER_USER + 5 {
        harness.advance(1);
        harness.signed_in(EMAIL).await;
    }
    let sessions = harness.people.sessions(None, harness.home.id, user.meta.id).await.unwrap();
    assert_eq!(sessions.len(), Session::MAX_PER_USER);
}
