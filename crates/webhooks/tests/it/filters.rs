use std::collections::BTreeSet;

use kernel::{Criteria as _, Id, Ulid};
use webhooks::{DeliveryFilter, DeliveryState, DisabledReason, SubscriptionFilter, SubscriptionStatus};

use crate::harness::{active, delivery, subscription};

#[test]
fn a_filter_of_deliveries_matches_what_every_part_of_it_matches() {
    let stored = delivery();
    let own = Some(Id::new(Ulid(21)));
    let pending = BTreeSet::from([DeliveryState::Pending, DeliveryState::Failed]);
    let created = BTreeSet::from(["finding.created".to_owned()]);
    let matching = DeliveryFilter { subscription: own, states: pending, event_types: created };
    assert!(DeliveryFilter::default().matches(&stored));
    assert!(matching.matches(&stored));
    assert!(DeliveryFilter { subscription: own, ..DeliveryFilter::default() }.matches(&stored));
    for filter in [
        DeliveryFilter { subscription: Some(Id::new(Ulid(22))), ..matching.clone() },
        DeliveryFilter { states: BTreeSet::from([DeliveryState::Delivered]), ..matching.clone() },
        DeliveryFilter { event_types: BTreeSet::from(["finding.closed".to_owned()]), ..matching },
        DeliveryFilter { subscription: Some(Id::new(Ulid(22))), ..DeliveryFilter::default() },
        DeliveryFilter { states: BTreeSet::from([DeliveryState::Delivered]), ..DeliveryFilter::default() },
    ] {
        assert!(!filter.matches(&stored), "{filter:?}");
    }
}

#[test]
fn an_account_sees_its_own_subscriptions_except_those_it_removed() {
    let filter = SubscriptionFilter::for_account(Id::new(Ulid(11)));
    assert!(filter.matches(&active()));
    assert!(filter.matches(&subscription(SubscriptionStatus::Disabled, Some(DisabledReason::Gone))));
    assert!(!filter.matches(&subscription(SubscriptionStatus::Removed, None)));
    assert!(!SubscriptionFilter::for_account(Id::new(Ulid(12))).matches(&active()));
}

#[test]
fn an_empty_filter_of_subscriptions_matches_all() {
    for status in SubscriptionStatus::ALL {
        assert!(SubscriptionFilter::default().matches(&subscription(*status, None)));
    }
    let disabled = SubscriptionFilter { statuses: BTreeSet::from([SubscriptionStatus::Disabled]), account: None };
    assert!(!disabled.matches(&active()));
}
