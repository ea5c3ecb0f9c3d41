//! Audited changes of the token signing keys, by commands and by the server's automatic rotation.

use std::time::Duration;

use auth::{KeyChange, Keyring};
use kernel::{Action, OrganizationRef, Reason, Subject};

use super::operator::Operator;
use crate::{compose::Installation, failure::Failure};

/// Maximum number of tries of a change that conflicts with concurrent changes.
const MAX_ATTEMPTS: u32 = 20;

/// Delay between the publication of a key and its first signature when the server rotates by itself.
const ROTATION_LEAD: Duration = Duration::from_secs(3600);

/// Publishes a new key, which signs tokens once `lead` has passed.
///
/// # Errors
/// If a published key does not sign yet, or the store fails.
pub(crate) async fn rotate_signing_key(operator: &Operator, lead: Duration) -> Result<(), Failure> {
    let rotate = |ring: &Keyring| Ok(Some(ring.rotate(operator.installation.new_signing_key(), lead)?));
    change(operator, "signing_key.retired", rotate).await.map(drop)
}

/// Drops a key, so that its tokens are refused by every server that has refreshed its keys. If it is the current
/// signing key, a new one replaces it immediately.
///
/// # Errors
/// If there is no such key, or the store fails.
pub(crate) async fn retire_signing_key(operator: &Operator, id: &str) -> Result<(), Failure> {
    let retire = |ring: &Keyring| Ok(Some(ring.retire(id, operator.installation.new_signing_key())?));
    change(operator, "signing_key.retired", retire).await.map(drop)
}

/// Drops the keys whose tokens have all expired, and publishes the next key once the current one has signed for
/// `lifetime`. Several servers may call it concurrently; only one of them makes each change.
///
/// # Errors
/// If the store fails.
pub(crate) async fn rotate_if_due(installation: &Installation, lifetime: Option<Duration>) -> Result<(), Failure> {
    let is_due = |ring: &Keyring| lifetime.is_some_and(|lifetime| ring.is_due(lifetime));
    let ring = installation.store.signing_keys().await?;
    if ring.expired().is_none() && !is_due(&ring) {
        return Ok(());
    }
    let operator = Operator::for_server(installation.clone(), Reason::parse("automatic rotation of the signing keys")?);
    let dropped = change(&operator, "signing_key.dropped", |ring| Ok(ring.expired())).await?;
    for id in dropped.iter().flat_map(|change| &change.drop) {
        tracing::info!("dropped the signing key {id}: all its tokens have expired");
    }
    let rotated = change(&operator, "signing_key.dropped", |ring| {
        let next = installation.new_signing_key();
        if is_due(ring) { Ok(Some(ring.rotate(next, ROTATION_LEAD)?)) } else { Ok(None) }
    });
    for (key, lead) in rotated.await?.iter().filter_map(|change| change.publish.as_ref()) {
        tracing::info!("published the signing key {}, which signs in {} s", key.id, lead.as_secs());
    }
    Ok(())
}

/// Stores the change that `decide` returns for the current keys. If it conflicts with a concurrent change, calls
/// `decide` again. Returns the change, or `None` if there was none. `drop_action` is the audit action of dropped keys.
///
/// # Errors
/// If `decide` or the store fails, or the conflicts persist over 20 tries.
async fn change(
    operator: &Operator,
    drop_action: &'static str,
    decide: impl Fn(&Keyring) -> Result<Option<KeyChange>, Failure>,
) -> Result<Option<KeyChange>, Failure> {
    let Installation { store, entropy, .. } = &operator.installation;
    for _ in 0..MAX_ATTEMPTS {
        let Some(change) = decide(&store.signing_keys().await?)? else { return Ok(None) };
        let dropped = change.drop.iter().map(|id| (Action::new(drop_action), key_subject(id)));
        let published =
            change.publish.iter().map(|(key, _)| (Action::new("signing_key.published"), key_subject(&key.id)));
        let mut entries = dropped.chain(published);
        let Some((action, subject)) = entries.next() else { return Ok(None) };
        let mut changeset = operator.changeset(&OrganizationRef::installation(), action, Some(subject));
        for (action, subject) in entries {
            changeset.add_entry(&**entropy, action, Some(subject), Vec::new());
        }
        if store.change_signing_keys(&change, changeset).await? {
            return Ok(Some(change));
        }
    }
    Err(Failure::new("other processes kept changing the signing keys; try again"))
}

fn key_subject(id: &str) -> Subject {
    Subject { kind: "signing_key".into(), id: id.to_owned() }
}

#[cfg(test)]
mod tests {
    use audit::{AuditFilter, AuditLog};
    use auth::KeyStage;
    use kernel::{OrganizationId, PageRequest};

    use super::*;
    use crate::{
        compose::OpenMode,
        settings::{Settings, Sources, collect},
    };

    async fn installation() -> Installation {
        let environment = vec![("NOVANTRA_DATABASE_URL".to_owned(), "memory:".to_owned())];
        let values = collect(&Sources { environment, ..Sources::default() }).unwrap();
        Installation::open(&Settings::parse(&values).unwrap(), OpenMode::Serve).await.unwrap()
    }

    async fn stages(installation: &Installation) -> Vec<KeyStage> {
        installation.store.signing_keys().await.unwrap().stages().map(|(_, stage)| stage).collect()
    }

    #[tokio::test]
    async fn a_key_that_has_signed_for_its_lifetime_gets_one_audited_successor() {
        let installation = installation().await;
        rotate_if_due(&installation, None).await.unwrap();
        rotate_if_due(&installation, Some(Duration::from_secs(3600))).await.unwrap();
        assert_eq!(stages(&installation).await, [KeyStage::Signing]);
        let servers = [(); 3].map(|()| {
            let installation = installation.clone();
            tokio::spawn(async move { rotate_if_due(&installation, Some(Duration::ZERO)).await })
        });
        for server in servers {
            server.await.unwrap().unwrap();
        }
        assert_eq!(stages(&installation).await, [KeyStage::Signing, KeyStage::Published]);
        let (filter, page) = (AuditFilter::default(), PageRequest::default());
        let log = AuditLog::entries(&*installation.store, OrganizationId::INSTALLATION, &filter, &page).await.unwrap();
        let actions: Vec<_> = log.items.iter().map(|stored| stored.entry.action.as_str()).collect();
        assert_eq!(actions, ["signing_key.published"]);
    }
}
