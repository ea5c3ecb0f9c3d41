//! Identities of a provider by which users sign in.

use std::sync::Arc;

use auth::{CredentialChange, ExternalIdentity, Role, StoredUser, User, UserId};
use kernel::{OrganizationId, Timestamp};

use crate::{Fixture, samples};

const ISSUER: &str = "https://login.brackwater.example/realms/staff";

async fn user(fixture: &Fixture, organization: OrganizationId, email: &str) -> StoredUser {
    let name = samples::title("Morgan Halloran");
    let user = User::invited(name, auth::parse_user_email(email).unwrap(), Role::Lead);
    fixture.create(organization, user).await
}

fn identity(user: &StoredUser, subject: &str, at: Timestamp) -> ExternalIdentity {
    ExternalIdentity {
        organization: user.meta.organization,
        issuer: ISSUER.to_owned(),
        subject: subject.to_owned(),
        user: user.meta.id,
        linked_at: at,
        last_used_at: at,
    }
}

async fn change(fixture: &Fixture, organization: OrganizationId, change: CredentialChange) -> bool {
    fixture.store.commit_with_credentials(fixture.changeset(organization), &[change]).await.unwrap()
}

async fn find(fixture: &Fixture, organization: OrganizationId, issuer: &str, subject: &str) -> Option<UserId> {
    let found = fixture.store.identity(organization, issuer, subject).await.unwrap();
    found.map(|identity| identity.user)
}

/// Of sixteen concurrent first sign-ins by one identity, one links it. Subjects are compared byte for byte, and each
/// organization has its own identities.
pub async fn an_identity_is_linked_with_one_user_of_its_organization(fixture: Fixture) {
    let away = fixture.create_organization("away").await;
    let one = user(&fixture, fixture.home, "a@b.example").await;
    let other = user(&fixture, away, "a@b.example").await;
    let linked = identity(&one, "248289761001", fixture.now());
    let racing: Vec<_> = (0..16)
        .map(|_| {
            let (store, changeset) = (Arc::clone(&fixture.store), fixture.changeset(fixture.home));
            let change = CredentialChange::AddIdentity(linked.clone());
            tokio::spawn(async move { store.commit_with_credentials(changeset, &[change]).await.unwrap() })
        })
        .collect();
    let mut stored = 0;
    for outcome in racing {
        stored += usize::from(outcome.await.unwrap());
    }
    assert_eq!(stored, 1);
    let read = fixture.store.identity(fixture.home, ISSUER, "248289761001").await.unwrap();
    assert_eq!(read, Some(linked));
    assert_eq!(find(&fixture, away, ISSUER, "248289761001").await, None);
    assert!(
        change(&fixture, away, CredentialChange::AddIdentity(identity(&other, "248289761001", fixture.now()))).await
    );
    assert_eq!(find(&fixture, away, ISSUER, "248289761001").await, Some(other.meta.id));
    for (issuer, subject) in [(ISSUER, "24828976100"), ("https://login.other.example", "248289761001"), (ISSUER, "")] {
        assert_eq!(find(&fixture, fixture.home, issuer, subject).await, None, "{issuer} {subject}");
    }
    let mixed_case = identity(&one, "AbC", fixture.now());
    assert!(change(&fixture, fixture.home, CredentialChange::AddIdentity(mixed_case)).await);
    assert_eq!(find(&fixture, fixture.home, ISSUER, "abc").await, None);
}

/// A sign-in by an identity that was unlinked meanwhile, or is another user's, stores nothing.
pub async fn the_use_of_an_identity_requires_that_it_is_still_linked(fixture: Fixture) {
    let one = user(&fixture, fixture.home, "a@b.example").await;
    let linked = identity(&one, "1", fixture.now());
    let used = |user: UserId, at| CredentialChange::UseIdentity {
        user,
        issuer: ISSUER.to_owned(),
        subject: "1".to_owned(),
        at,
    };
    let later = fixture.clock.tick();
    assert!(!change(&fixture, fixture.home, used(one.meta.id, later)).await);
    assert!(change(&fixture, fixture.home, CredentialChange::AddIdentity(linked.clone())).await);
    assert!(!change(&fixture, fixture.home, used(fixture.new_id(), later)).await);
    assert!(change(&fixture, fixture.home, used(one.meta.id, later)).await);
    let read = fixture.store.identity(fixture.home, ISSUER, "1").await.unwrap();
    assert_eq!(read, Some(ExternalIdentity { last_used_at: later, ..linked }));
    assert!(change(&fixture, fixture.home, CredentialChange::RemoveIdentities { user: one.meta.id }).await);
    assert!(!change(&fixture, fixture.home, used(one.meta.id, later)).await);
}

/// The identities of a user are listed in the order of their links, and unlinked without touching those of others.
pub async fn identities_of_a_user_are_listed_and_unlinked(fixture: Fixture) {
    let one = user(&fixture, fixture.home, "a@b.example").await;
    let other = user(&fixture, fixture.home, "c@d.example").await;
    for (user, subject) in [(&one, "9"), (&one, "1"), (&other, "5")] {
        let linked = identity(user, subject, fixture.clock.tick());
        assert!(change(&fixture, fixture.home, CredentialChange::AddIdentity(linked)).await);
    }
    let subjects = async |user: &StoredUser| {
        let listed = fixture.store.identities(fixture.home, user.meta.id).await.unwrap();
        listed.into_iter().map(|identity| identity.subject).collect::<Vec<_>>()
    };
    assert_eq!((subjects(&one).await, subjects(&other).await), (vec!["9".into(), "1".into()], vec!["5".into()]));
    assert!(change(&fixture, fixture.home, CredentialChange::RemoveIdentities { user: one.meta.id }).await);
    assert_eq!((subjects(&one).await, subjects(&other).await), (vec![], vec!["5".to_owned()]));
}
