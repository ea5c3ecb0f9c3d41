//! Passkeys among the credentials of users: each answer counts once, and each is found by its identifier.

use std::sync::Arc;

use auth::{CredentialChange, Credentials, PasskeyAnswer, PasswordHash, StoredUser};

use super::people::{change, credentials, passkey, user};
use crate::Fixture;

/// Of sixteen concurrent answers of one passkey to one challenge, one is stored, and none of an earlier challenge after it.
pub async fn one_of_sixteen_concurrent_answers_of_a_passkey_wins(fixture: Fixture) {
    let user = fixture.create(fixture.home, user("a@b.example")).await;
    let passkey = passkey(&fixture, 1);
    let first = Credentials::new(PasswordHash::new("$argon2id$one"), fixture.now());
    let first = Credentials { version: 1, ..first.with_passkey(passkey.clone(), None) };
    let set = |credentials: Credentials| CredentialChange::SetCredentials { user: user.meta.id, credentials };
    assert!(change(&fixture, fixture.home, &[set(first)]).await);
    let challenge_at = fixture.clock.tick();
    let answer = PasskeyAnswer { sign_count: 7, challenge_at, at: challenge_at };
    let racing: Vec<_> = (0..16)
        .map(|_| {
            let (store, changeset) = (Arc::clone(&fixture.store), fixture.changeset(fixture.home));
            let (organization, user, passkey) = (fixture.home, user.meta.id, passkey.id);
            tokio::spawn(async move {
                let stored = store.credentials(organization, user).await.unwrap().unwrap();
                let Some(credentials) = stored.with_used_passkey(passkey, answer) else { return false };
                let change = CredentialChange::SetCredentials { user, credentials };
                store.commit_with_credentials(changeset, &[change]).await.unwrap()
            })
        })
        .collect();
    let mut accepted = 0;
    for outcome in racing {
        accepted += usize::from(outcome.await.unwrap());
    }
    assert_eq!(accepted, 1);
    let stored = credentials(&fixture, &user).await.unwrap();
    assert_eq!((stored.passkeys[0].sign_count, stored.passkeys[0].last_challenge_at), (7, challenge_at));
    assert_eq!(stored.with_used_passkey(passkey.id, answer), None);
}

/// A passkey is found by the identifier that its authenticator gave it, in its organization only.
pub async fn the_user_of_a_passkey_is_found_in_the_organization(fixture: Fixture) {
    let away = fixture.create_organization("away").await;
    let (one, other) = (user("a@b.example"), user("c@d.example"));
    let (one, other) = (fixture.create(fixture.home, one).await, fixture.create(fixture.home, other).await);
    let set = |user: &StoredUser, numbers: &[u8]| {
        let credentials = Credentials::new(PasswordHash::new("$argon2id$one"), fixture.now());
        let passkeys = numbers.iter().map(|number| passkey(&fixture, *number)).collect();
        CredentialChange::SetCredentials { user: user.meta.id, credentials: Credentials { passkeys, ..credentials } }
    };
    assert!(change(&fixture, fixture.home, &[set(&one, &[]), set(&other, &[1, 0x25, 0xff])]).await);
    let found = async |organization, id: &[u8]| fixture.store.user_with_passkey(organization, id).await.unwrap();
    for number in [1, 0x25, 0xff] {
        assert_eq!(found(fixture.home, &[number; 1023]).await, Some(other.meta.id));
        assert_eq!(found(away, &[number; 1023]).await, None);
    }
    for unknown in [&[2; 1023][..], &[1; 1022], &[1], &[], b"%"] {
        assert_eq!(found(fixture.home, unknown).await, None);
    }
}
