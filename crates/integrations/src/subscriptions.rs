//! Webhook subscriptions, as an administrator manages those of all accounts.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use auth::{Account, AccountId};
use kernel::{
    Clock, Id, Kind, OrganizationId, OrganizationRef, OutboxEvent, Reader, Revision, StoreError, Stored, Timestamp,
};
use store::DynStore;
use webhooks::{
    AddressPolicy, Attempt, DeliveryHealth, DeliveryHistory, EndpointUrl, MAX_SUBSCRIPTIONS_PER_ACCOUNT,
    NewSubscription, Sender, SubscriptionPatch, TEST_EVENT, TestRenderer, WebhookDelivery, WebhookSecret,
    WebhookSigner, WebhookSubscription, record_test, remove, rotate_secret, sign_and_send, subscribe, update,
};

use crate::{
    author::Author,
    error::IntegrationError,
    integrations::{Integrations, MAX_ATTEMPTS},
};

/// The parts that reach the endpoints of subscriptions.
#[derive(Clone)]
pub struct Endpoints {
    /// The cryptography of secrets.
    pub signer: Arc<dyn WebhookSigner>,
    /// The client that sends messages.
    pub sender: Arc<dyn Sender>,
    /// The policy for the addresses that endpoints may have.
    pub addresses: AddressPolicy,
    /// The renderer of test events.
    pub renderer: Arc<dyn TestRenderer>,
    /// Whether the webhooks of the installation are paused.
    pub paused: Arc<AtomicBool>,
}

impl Endpoints {
    /// Whether the webhooks of the installation were paused a second ago.
    #[must_use]
    pub fn are_paused(&self) -> bool {
        self.paused.load(Ordering::Relaxed)
    }
}

/// A test event that was sent, with its only attempt.
#[derive(Clone, Debug)]
pub struct SentTest {
    /// The URL that it was sent to.
    pub url: EndpointUrl,
    /// The event.
    pub event: OutboxEvent,
    /// The attempt.
    pub attempt: Attempt,
    /// The time at which the attempt ended.
    pub ended_at: Timestamp,
}

/// Sends a test event to the endpoint of a subscription.
///
/// # Errors
/// [`IntegrationError::Paused`]. An attempt that fails is no error.
pub async fn send_test_event(
    endpoints: &Endpoints,
    clock: &dyn Clock,
    organization: &OrganizationRef,
    subscription: &Stored<WebhookSubscription>,
    health: DeliveryHealth,
    id: Id<OutboxEvent>,
) -> Result<SentTest, IntegrationError> {
    if endpoints.are_paused() {
        return Err(IntegrationError::Paused);
    }
    let at = clock.now();
    let event = OutboxEvent {
        id,
        organization: organization.id,
        name: TEST_EVENT,
        subject: (Kind::WebhookSubscription, subscription.meta.ulid()),
        revision: subscription.meta.revision,
        created_at: at,
        body: endpoints.renderer.render_test(id, at, organization, subscription, health),
    };
    let (signer, sender) = (&*endpoints.signer, &*endpoints.sender);
    let attempt = sign_and_send(signer, sender, subscription, id, &event.body, at).await;
    Ok(SentTest { url: subscription.record.url.clone(), event, attempt, ended_at: clock.now() })
}

/// Returns the slots of the account's subscriptions.
///
/// # Errors
/// If the store fails.
pub async fn taken_slots(store: &DynStore, account: &Account) -> Result<BTreeSet<u8>, StoreError> {
    let slots = (0..MAX_SUBSCRIPTIONS_PER_ACCOUNT).filter_map(|slot| u8::try_from(slot).ok());
    let keys: Vec<String> = slots.map(|slot| WebhookSubscription::slot_key(account.meta.id, slot)).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let existing = Reader::<WebhookSubscription>::get_by_keys(store, account.meta.organization, &keys).await?;
    Ok(existing.iter().map(|stored| stored.record.slot).collect())
}

impl Integrations {
    /// Returns the organization's subscription with this identifier, unless it was removed.
    ///
    /// # Errors
    /// [`IntegrationError::NotFound`], or the store fails.
    pub async fn subscription(
        &self,
        organization: OrganizationId,
        id: Id<WebhookSubscription>,
    ) -> Result<Stored<WebhookSubscription>, IntegrationError> {
        let found = Reader::<WebhookSubscription>::get(&*self.store, organization, id).await?;
        found.filter(|stored| !stored.record.is_removed()).ok_or(IntegrationError::NotFound)
    }

    /// Returns the subscription if it still has the revision that the author saw.
    async fn seen_subscription(
        &self,
        organization: OrganizationId,
        id: Id<WebhookSubscription>,
        seen: Revision,
    ) -> Result<Stored<WebhookSubscription>, IntegrationError> {
        let current = self.subscription(organization, id).await?;
        if current.meta.revision == seen {
            Ok(current)
        } else {
            Err(IntegrationError::SubscriptionChanged(Box::new(current)))
        }
    }

    /// Creates a subscription for an account, and returns it with the secret that its deliveries are signed with. A user
    /// must have entered their password recently.
    ///
    /// # Errors
    /// [`IntegrationError::Denied`], [`IntegrationError::NoAccount`], [`IntegrationError::Webhook`], or the store fails.
    pub async fn subscribe(
        &self,
        author: &Author<'_>,
        organization: &OrganizationRef,
        endpoints: &Endpoints,
        account: AccountId,
        new: &NewSubscription,
    ) -> Result<(Stored<WebhookSubscription>, WebhookSecret), IntegrationError> {
        self.require_recent_management(author)?;
        for _ in 0..MAX_ATTEMPTS {
            let account = self.account(organization.id, account).await?;
            let slots = taken_slots(&*self.store, &account).await?;
            let timestamp = self.store.begin_write();
            let id = Id::new(self.entropy.ulid(timestamp.at()));
            let secret = WebhookSecret::generate(&*self.entropy);
            let encrypted = endpoints.signer.encrypt(&*self.entropy, id, &secret);
            let context = author.context(organization, &*self.entropy);
            let (mut changeset, stored) = subscribe(&context, timestamp, &account, &slots, id, encrypted, new)?;
            // The events were allowed by the scopes that the account has now.
            changeset.require_unchanged(&account);
            if self.commit(author, changeset).await? {
                return Ok((stored, secret));
            }
        }
        Err(IntegrationError::Contended)
    }

    /// Updates a subscription. A user who changes the endpoint or the events must have entered their password recently.
    ///
    /// # Errors
    /// [`IntegrationError::Denied`], [`IntegrationError::NotFound`], [`IntegrationError::SubscriptionChanged`],
    /// [`IntegrationError::Webhook`], or the store fails.
    pub async fn update_subscription(
        &self,
        author: &Author<'_>,
        organization: &OrganizationRef,
        id: Id<WebhookSubscription>,
        seen: Revision,
        patch: &SubscriptionPatch,
    ) -> Result<Stored<WebhookSubscription>, IntegrationError> {
        author.require_management()?;
        if patch.url.is_some() || patch.event_types.is_some() {
            self.require_recent_management(author)?;
        }
        for _ in 0..MAX_ATTEMPTS {
            let current = self.seen_subscription(organization.id, id, seen).await?;
            let account = self.account(organization.id, current.record.account).await?;
            let context = author.context(organization, &*self.entropy);
            let (mut changeset, stored) = update(&context, self.store.begin_write(), &account, &current, patch)?;
            changeset.require_unchanged(&account);
            if self.commit(author, changeset).await? {
                return Ok(stored);
            }
        }
        Err(IntegrationError::Contended)
    }

    /// Removes a subscription.
    ///
    /// # Errors
    /// As [`Self::update_subscription`].
    pub async fn remove_subscription(
        &self,
        author: &Author<'_>,
        organization: &OrganizationRef,
        id: Id<WebhookSubscription>,
        seen: Revision,
    ) -> Result<(), IntegrationError> {
        author.require_management()?;
        for _ in 0..MAX_ATTEMPTS {
            let current = self.seen_subscription(organization.id, id, seen).await?;
            let context = author.context(organization, &*self.entropy);
            if self.commit(author, remove(&context, self.store.begin_write(), &current)).await? {
                return Ok(());
            }
        }
        Err(IntegrationError::Contended)
    }

    /// Rotates the signing secret of a subscription, and returns the new one. A user must have entered their password
    /// recently.
    ///
    /// # Errors
    /// As [`Self::update_subscription`].
    pub async fn rotate_subscription_secret(
        &self,
        author: &Author<'_>,
        organization: &OrganizationRef,
        endpoints: &Endpoints,
        (id, seen): (Id<WebhookSubscription>, Revision),
        grace: Duration,
    ) -> Result<(Stored<WebhookSubscription>, WebhookSecret), IntegrationError> {
        self.require_recent_management(author)?;
        for _ in 0..MAX_ATTEMPTS {
            let current = self.seen_subscription(organization.id, id, seen).await?;
            let secret = WebhookSecret::generate(&*self.entropy);
            let encrypted = endpoints.signer.encrypt(&*self.entropy, id, &secret);
            let context = author.context(organization, &*self.entropy);
            let (changeset, stored) = rotate_secret(&context, self.store.begin_write(), &current, encrypted, grace)?;
            if self.commit(author, changeset).await? {
                return Ok((stored, secret));
            }
        }
        Err(IntegrationError::Contended)
    }

    /// Sends a test event to the endpoint of a subscription, and records it with its attempt.
    ///
    /// # Errors
    /// [`IntegrationError::Denied`], [`IntegrationError::NotFound`], [`IntegrationError::Paused`], or the store fails.
    pub async fn test_subscription(
        &self,
        author: &Author<'_>,
        organization: &OrganizationRef,
        endpoints: &Endpoints,
        clock: &dyn Clock,
        id: Id<WebhookSubscription>,
    ) -> Result<Stored<WebhookDelivery>, IntegrationError> {
        author.require_management()?;
        let subscription = self.subscription(organization.id, id).await?;
        let health = DeliveryHistory::delivery_health(&*self.store, organization.id, &[id]).await?;
        let health = health.first().map(|(_, health)| *health).unwrap_or_default();
        let event = Id::new(self.entropy.ulid(clock.now()));
        let SentTest { url, event, attempt, ended_at } =
            send_test_event(endpoints, clock, organization, &subscription, health, event).await?;
        for _ in 0..MAX_ATTEMPTS {
            let current = self.subscription(organization.id, id).await?;
            let context = author.context(organization, &*self.entropy);
            let timestamp = self.store.begin_write();
            let (changeset, delivery) =
                record_test(&context, timestamp, &current, &url, event.clone(), attempt.clone(), ended_at);
            if self.commit(author, changeset).await? {
                return Ok(delivery);
            }
        }
        Err(IntegrationError::Contended)
    }
}
