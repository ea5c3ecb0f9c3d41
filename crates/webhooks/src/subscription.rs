//! Subscriptions: the events that are delivered to an account, and the URL that they go to.

use std::collections::BTreeSet;

use auth::AccountId;
use kernel::{
    AuditFields, Criteria, Description, FieldValue, HasIdPrefix, Kind, Resource, Stored, Timestamp, string_enum,
};

use crate::{catalogue::EventType, endpoint::EndpointUrl, secret::EncryptedSecret};

/// Maximum number of subscriptions of one account.
pub const MAX_SUBSCRIPTIONS_PER_ACCOUNT: usize = 50;

/// A subscription of one account to events. It is not visible to other accounts.
#[derive(Clone, Debug, PartialEq)]
pub struct WebhookSubscription {
    /// The account that owns it.
    pub account: AccountId,
    /// The slot that it occupies within the account: below [`MAX_SUBSCRIPTIONS_PER_ACCOUNT`], and unique among the
    /// account's subscriptions that are not removed.
    pub slot: u8,
    /// The URL that deliveries go to.
    pub url: EndpointUrl,
    /// The purpose, as the creator described it.
    pub description: Description,
    /// The events that it selects; at least one.
    pub event_types: BTreeSet<EventType>,
    /// Whether events are delivered to it.
    pub status: SubscriptionStatus,
    /// The reason, if it is disabled.
    pub disabled_reason: Option<DisabledReason>,
    /// The valid secrets, newest first: one, or two during the grace period of a rotation; none once removed.
    pub secrets: Vec<EncryptedSecret>,
    /// The value of [`Resource::unique_key`]: account and slot, while it is not removed.
    pub(crate) key: Option<String>,
}

string_enum! {
    /// Whether events are delivered to a subscription.
    SubscriptionStatus {
        /// Events are delivered.
        Active = "active",
        /// No events are delivered until it is enabled again.
        Disabled = "disabled",
        /// It was deleted; its deliveries are kept for the retention period.
        Removed = "removed",
    }
}

string_enum! {
    /// The reason why a subscription is disabled.
    DisabledReason {
        /// Its account disabled it.
        Requested = "requested",
        /// The endpoint responded with status 410.
        Gone = "gone",
        /// No attempt has succeeded for [`crate::MAX_FAILING_DURATION`].
        Failing = "failing",
    }
}

impl WebhookSubscription {
    /// Creates a subscription in any state from its fields: for stores, and for the commands of this crate.
    #[must_use]
    #[expect(clippy::too_many_arguments, reason = "one for each field")]
    pub fn from_parts(
        account: AccountId,
        slot: u8,
        url: EndpointUrl,
        description: Description,
        event_types: BTreeSet<EventType>,
        status: SubscriptionStatus,
        disabled_reason: Option<DisabledReason>,
        secrets: Vec<EncryptedSecret>,
    ) -> Self {
        let key = (status != SubscriptionStatus::Removed).then(|| Self::slot_key(account, slot));
        Self { account, slot, url, description, event_types, status, disabled_reason, secrets, key }
    }

    /// The unique key of a slot of an account.
    #[must_use]
    pub fn slot_key(account: AccountId, slot: u8) -> String {
        format!("{}/{slot:02}", account.ulid())
    }

    /// Returns the subscription with another status.
    #[must_use]
    pub(crate) fn with_status(&self, status: SubscriptionStatus, reason: Option<DisabledReason>) -> Self {
        let key = (status != SubscriptionStatus::Removed).then(|| Self::slot_key(self.account, self.slot));
        Self { status, disabled_reason: reason, key, ..self.clone() }
    }

    /// Whether events are delivered to it.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.status == SubscriptionStatus::Active
    }

    /// Whether it has been deleted.
    #[must_use]
    pub fn is_removed(&self) -> bool {
        self.status == SubscriptionStatus::Removed
    }

    /// The secrets that are valid at `now`, newest first.
    pub fn live_secrets(&self, now: Timestamp) -> impl Iterator<Item = &EncryptedSecret> {
        self.secrets.iter().filter(move |secret| secret.expires_at.is_none_or(|end| now < end))
    }
}

impl HasIdPrefix for WebhookSubscription {
    const PREFIX: &'static str = "whsub";
}

impl Resource for WebhookSubscription {
    const KIND: Kind = Kind::WebhookSubscription;
    type Filter = SubscriptionFilter;

    fn unique_key(&self) -> Option<&str> {
        self.key.as_deref()
    }
}

impl AuditFields for WebhookSubscription {
    fn fields(&self) -> Vec<(&'static str, FieldValue)> {
        let events = self.event_types.iter().map(|event| event.name().to_owned()).collect();
        vec![
            ("url", FieldValue::Text(self.url.masked())),
            ("description", FieldValue::Text(self.description.to_string())),
            ("event_types", FieldValue::Texts(events)),
            ("status", FieldValue::Text(self.status.name().to_owned())),
            ("disabled_reason", self.disabled_reason.map(DisabledReason::name).into()),
        ]
    }
}

/// A filter for lists of subscriptions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubscriptionFilter {
    /// The owner; `None` matches all.
    pub account: Option<AccountId>,
    /// The states; an empty set matches all.
    pub statuses: BTreeSet<SubscriptionStatus>,
}

impl SubscriptionFilter {
    /// Matches the subscriptions that an account sees: its own, without those that it removed.
    #[must_use]
    pub fn for_account(account: AccountId) -> Self {
        let statuses = BTreeSet::from([SubscriptionStatus::Active, SubscriptionStatus::Disabled]);
        Self { account: Some(account), statuses }
    }
}

impl Criteria<WebhookSubscription> for SubscriptionFilter {
    fn matches(&self, stored: &Stored<WebhookSubscription>) -> bool {
        let subscription = &stored.record;
        self.account.is_none_or(|account| account == subscription.account)
            && (self.statuses.is_empty() || self.statuses.contains(&subscription.status))
    }
}
