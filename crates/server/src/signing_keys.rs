//! Changing the token signing keys, on record: by command, and by the server that tends them.

use std::time::Duration;

use auth::{KeyChange, Keyring};
use kernel::{Action, Organization, Reason, Subject};

use crate::{cli::Operator, compose::Installation, failure::Failure};

/// How often a lost race is run again.
const TRIES: u32 = 20;

/// How long a key is known before it signs, where a server rotates by itself: nobody waits for it.
const LEAD: Duration = Duration::from_secs(3600);

/// Decides on the present keys and stores what was decided, and does it again when somebody else was faster. Says what
/// was done; nothing when there was nothing to do. `dropping` names what happens to keys that go.
///
/// # Errors
/// What `decide` says, or the store.
pub(crate) async fn change(
    operator: &Operator,
    dropping: &'static str,
    decide: impl Fn(&Keyring) -> Result<Option<KeyChange>, Failure>,
) -> Result<Option<KeyChange>, Failure> {
    let Installation { store, entropy, .. } = &operator.installation;
    for _ in 0..TRIES {
        let Some(change) = decide(&store.signing_keys().await?)? else { return Ok(None) };
        let dropped = change.drop.iter().map(|id| (Action::new(dropping), of_key(id)));
        let published = change.publish.iter().map(|(key, _)| (Action::new("signing_key.published"), of_key(&key.id)));
        let mut entries = dropped.chain(published);
        let Some((action, subject)) = entries.next() else { return Ok(None) };
        let mut changeset = operator.changeset(Organization::installation(), action, Some(subject));
        for (action, subject) in entries {
            changeset.note(&**entropy, action, Some(subject), Vec::new());
        }
        if store.change_signing_keys(&change, changeset).await? {
            return Ok(Some(change));
        }
    }
    Err(Failure::new("others kept changing the signing keys; try again"))
}

fn of_key(id: &str) -> Subject {
    Subject { kind: "signing_key".into(), id: id.to_owned() }
}

/// Drops the keys whose tokens have ended, and publishes the next one when the one that signs has done so for `lifetime`.
/// Any server may, and several at once: one of them does.
///
/// # Errors
/// When the store fails.
pub(crate) async fn tend(installation: &Installation, lifetime: Option<Duration>) -> Result<(), Failure> {
    let is_due = |ring: &Keyring| lifetime.is_some_and(|lifetime| ring.is_due(lifetime));
    let ring = installation.store.signing_keys().await?;
    if ring.outlived().is_none() && !is_due(&ring) {
        return Ok(());
    }
    let operator = Operator::server(installation.clone(), Reason::parse("upkeep of the signing keys")?);
    let dropped = change(&operator, "signing_key.dropped", |ring| Ok(ring.outlived())).await?;
    for id in dropped.iter().flat_map(|change| &change.drop) {
        tracing::info!("dropped the signing key {id}: its tokens have ended");
    }
    let rotated = change(&operator, "signing_key.dropped", |ring| {
        let next = installation.new_signing_key();
        if is_due(ring) { Ok(Some(ring.rotated(next, LEAD)?)) } else { Ok(None) }
    });
    for (key, lead) in rotated.await?.iter().filter_map(|change| change.publish.as_ref()) {
        tracing::info!("published the signing key {}, which signs in {} s", key.id, lead.as_secs());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use auth::KeyStage;

    use super::*;
    use crate::{
        compose::Opening,
        settings::{Settings, Sources, gather},
    };

    async fn installation() -> Installation {
        let environment = vec![("NOVANTRA_DATABASE_URL".to_owned(), "memory:".to_owned())];
        let given = gather(&Sources { environment, ..Sources::default() }).unwrap();
        Installation::open(&Settings::understand(&given).unwrap(), Opening::Server).await.unwrap()
    }

    async fn stages(installation: &Installation) -> Vec<KeyStage> {
        installation.store.signing_keys().await.unwrap().stages().map(|(_, stage)| stage).collect()
    }

    #[tokio::test]
    async fn a_key_that_has_signed_long_enough_gets_a_successor_once_and_on_record() {
        let installation = installation().await;
        tend(&installation, None).await.unwrap();
        tend(&installation, Some(Duration::from_secs(3600))).await.unwrap();
        assert_eq!(stages(&installation).await, [KeyStage::Signing]);
        let servers = [(); 3].map(|()| {
            let installation = installation.clone();
            tokio::spawn(async move { tend(&installation, Some(Duration::ZERO)).await })
        });
        for server in servers {
            server.await.unwrap().unwrap();
        }
        assert_eq!(stages(&installation).await, [KeyStage::Signing, KeyStage::Published]);
        let log = installation.store.unsealed(Organization::installation(), 10).await.unwrap().unwrap();
        let actions: Vec<_> = log.entries.iter().map(|entry| entry.action.as_str()).collect();
        assert_eq!(actions, ["signing_key.published"]);
    }
}
