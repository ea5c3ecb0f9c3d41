//! The counts of webhook deliveries that wait.

use std::collections::BTreeMap;

use auth::AccountId;
use kernel::{Id, Timestamp, Ulid};
use webhooks::WebhookSubscription;

use super::{Counts, Day, Rollup};

/// The deliveries that wait for an attempt by the accounts that receive them, and the endpoints that fail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeliveryCounts {
    /// The time of the count.
    pub counted_at: Timestamp,
    waiting: BTreeMap<AccountId, u64>,
    /// The active subscriptions whose endpoints fail, with their accounts and the times since which they do.
    failing: BTreeMap<Id<WebhookSubscription>, (AccountId, Timestamp)>,
    /// The number of active subscriptions.
    pub endpoints: u64,
    /// Whether more deliveries wait than were counted.
    pub is_partial: bool,
}

impl DeliveryCounts {
    /// The maximum number of deliveries that one count reads.
    pub const MAX_COUNTED: u64 = 20_000;

    /// Begins a count at `now`.
    #[must_use]
    pub const fn new(now: Timestamp) -> Self {
        Self { counted_at: now, waiting: BTreeMap::new(), failing: BTreeMap::new(), endpoints: 0, is_partial: false }
    }

    /// Counts an active subscription of this account. `failing_since` is the time since which its endpoint fails.
    pub fn add_endpoint(
        &mut self,
        subscription: Id<WebhookSubscription>,
        account: AccountId,
        failing_since: Option<Timestamp>,
    ) {
        self.endpoints += 1;
        if let Some(since) = failing_since {
            self.failing.insert(subscription, (account, since));
        }
    }

    /// Counts a delivery that waits for an attempt to reach this account.
    pub fn add_waiting(&mut self, account: AccountId) {
        *self.waiting.entry(account).or_default() += 1;
    }

    /// Returns the number of deliveries that wait.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.waiting.values().sum()
    }

    /// Returns the number of deliveries that wait for this account.
    #[must_use]
    pub fn waiting_for(&self, account: AccountId) -> u64 {
        self.waiting.get(&account).copied().unwrap_or_default()
    }

    /// Returns the endpoints that fail: the subscription, its account, and the time since which it fails.
    pub fn failing(&self) -> impl Iterator<Item = (Id<WebhookSubscription>, AccountId, Timestamp)> {
        self.failing.iter().map(|(subscription, (account, since))| (*subscription, *account, *since))
    }

    /// Returns the time at which a count changes by itself, and the counts as they are stored.
    #[must_use]
    pub fn to_counts(&self) -> (Timestamp, Counts) {
        let mut counts = Counts::default();
        counts.set("endpoints", self.endpoints);
        counts.set("partial", self.is_partial.into());
        for (account, count) in &self.waiting {
            counts.set(format_args!("waiting.{}", account.ulid()), *count);
        }
        for (subscription, account, since) in self.failing() {
            counts.put(format!("failing.{}.{}", subscription.ulid(), account.ulid()), since.millis());
        }
        (Day::of(self.counted_at).plus(1).start(), counts)
    }

    /// Reads stored counts.
    #[must_use]
    pub fn from_rollup(rollup: &Rollup) -> Self {
        let counts = &rollup.counts;
        let mut read = Self::new(rollup.counted_at);
        read.endpoints = counts.count("endpoints");
        read.is_partial = counts.count("partial") > 0;
        for (account, count) in counts.below("waiting") {
            if let (Some(account), Ok(count)) = (ulid(account), u64::try_from(count)) {
                read.waiting.insert(Id::new(account), count);
            }
        }
        for (name, since) in counts.below("failing") {
            if let Some((subscription, account)) = name.split_once('.')
                && let (Some(subscription), Some(account)) = (ulid(subscription), ulid(account))
            {
                let failing = (Id::new(account), Timestamp::from_millis(since));
                read.failing.insert(Id::new(subscription), failing);
            }
        }
        read
    }
}

fn ulid(text: &str) -> Option<Ulid> {
    Ulid::from_string(text).ok()
}
