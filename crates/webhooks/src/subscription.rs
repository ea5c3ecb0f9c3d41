//! Subscriptions: which account is told which events, and where.

use std::collections::BTreeSet;

use auth::AccountId;
use kernel::{Criteria, Description, FieldValue, Fields, Kind, Named, Resource, Stored, Timestamp, words};

use crate::{catalogue::EventType, endpoint::EndpointUrl, secret::SealedSecret};

/// How many subscriptions an account has at most.
pub const MOST_PER_ACCOUNT: usize = 50;

/// What one account wants to be told, and where. No other account sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct WebhookSubscription {
    /// Whose it is.
    pub account: AccountId,
    /// Which of the account's places it takes: below [`MOST_PER_ACCOUNT`], and its own among those that are not removed.
    pub place: u8,
    /// Where deliveries go.
    pub url: EndpointUrl,
    /// What it is for, in its maker's words.
    pub description: Description,
    /// The events it is told of; at least one.
    pub event_types: BTreeSet<EventType>,
    /// Whether it is told anything.
    pub status: SubscriptionStatus,
    /// Why it is not, where it is not.
    pub disabled_reason: Option<DisabledReason>,
    /// The live secrets, newest first: one, or two within a rotation's grace; none once removed.
    pub secrets: Vec<SealedSecret>,
    /// What [`Resource::unique_key`] answers: account and place, while it is not removed.
    pub(crate) key: Option<String>,
}

words! {
    /// Whether a subscription is told anything.
    SubscriptionStatus {
        /// It is.
        Active = "active",
        /// It is not, until it is made active again.
        Disabled = "disabled",
        /// It was deleted; what was delivered is kept for its time.
        Removed = "removed",
    }
}

words! {
    /// Why a subscription is disabled.
    DisabledReason {
        /// Its account asked for it.
        Requested = "requested",
        /// The endpoint answered 410.
        Gone = "gone",
        /// No attempt has succeeded for [`crate::FAILING_AT_MOST`].
        Failing = "failing",
    }
}

impl WebhookSubscription {
    /// A subscription with these fields, whichever state it is in: for stores, and for the commands of this crate.
    #[must_use]
    #[expect(clippy::too_many_arguments, reason = "one for each field")]
    pub fn of_parts(
        account: AccountId,
        place: u8,
        url: EndpointUrl,
        description: Description,
        event_types: BTreeSet<EventType>,
        status: SubscriptionStatus,
        disabled_reason: Option<DisabledReason>,
        secrets: Vec<SealedSecret>,
    ) -> Self {
        let key = (status != SubscriptionStatus::Removed).then(|| Self::place_key(account, place));
        Self { account, place, url, description, event_types, status, disabled_reason, secrets, key }
    }

    /// The unique key of an account's place.
    #[must_use]
    pub fn place_key(account: AccountId, place: u8) -> String {
        format!("{}/{place:02}", account.ulid())
    }

    /// The same with another status.
    #[must_use]
    pub(crate) fn with_status(&self, status: SubscriptionStatus, reason: Option<DisabledReason>) -> Self {
        let key = (status != SubscriptionStatus::Removed).then(|| Self::place_key(self.account, self.place));
        Self { status, disabled_reason: reason, key, ..self.clone() }
    }

    /// Whether it is told of events now.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.status == SubscriptionStatus::Active
    }

    /// Whether it was deleted.
    #[must_use]
    pub fn is_removed(&self) -> bool {
        self.status == SubscriptionStatus::Removed
    }

    /// The secrets that sign at `now`, newest first.
    pub fn live_secrets(&self, now: Timestamp) -> impl Iterator<Item = &SealedSecret> {
        self.secrets.iter().filter(move |secret| secret.ends_at.is_none_or(|end| now < end))
    }
}

impl Named for WebhookSubscription {
    const PREFIX: &'static str = "whsub";
}

impl Resource for WebhookSubscription {
    const KIND: Kind = Kind::WebhookSubscription;
    type Filter = SubscriptionFilter;

    fn unique_key(&self) -> Option<&str> {
        self.key.as_deref()
    }
}

impl Fields for WebhookSubscription {
    fn fields(&self) -> Vec<(&'static str, FieldValue)> {
        let events = self.event_types.iter().map(|event| event.name().to_owned()).collect();
        vec![
            ("url", FieldValue::Text(self.url.to_string())),
            ("description", FieldValue::Text(self.description.to_string())),
            ("event_types", FieldValue::Texts(events)),
            ("status", FieldValue::Text(self.status.name().to_owned())),
            ("disabled_reason", self.disabled_reason.map(DisabledReason::name).into()),
        ]
    }
}

/// What a list of subscriptions is narrowed by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SubscriptionFilter {
    /// Whose; anybody's where `None`.
    pub account: Option<AccountId>,
    /// In which states; any where empty.
    pub statuses: BTreeSet<SubscriptionStatus>,
}

impl SubscriptionFilter {
    /// All that an account sees: its own, but those it removed.
    #[must_use]
    pub fn of_account(account: AccountId) -> Self {
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
