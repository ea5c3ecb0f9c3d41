//! Random list requests.

use std::{collections::BTreeSet, time::Duration};

use audit::AuditFilter;
use findings::{FindingFilter, Severity, SourceKind, Status};
use kernel::{Filter, Order, PageLimit, PageRequest, RecordKey, Reference, TimeRange};
use proptest::{
    bool::weighted,
    collection::btree_set,
    option,
    prelude::*,
    sample::{Index, select},
};
use registers::{Control, DefinitionStatus, Indicator, Measurement};
use submissions::{SubmissionPackage, SubmissionPackageStatus, SubmissionRequirement};
use webhooks::{DeliveryState, SubscriptionStatus};

use super::{
    command::{KEYS, SUBJECTS},
    history::{measured_at, parent},
};
use crate::{TestClock, samples};

#[derive(Clone, Debug)]
pub(super) struct Query {
    pub(super) organization: usize,
    pub(super) page: PageRequest,
    pub(super) list: List,
    /// Whether the list is read as a stream, too.
    pub(super) streamed: bool,
}

#[derive(Clone, Debug)]
pub(super) enum List {
    Organizations,
    Accounts,
    Controls(Filter<Control>),
    Findings(FindingFilter),
    Events { finding: Option<Index> },
    Subscriptions { account: Option<Index>, statuses: BTreeSet<SubscriptionStatus> },
    Deliveries { subscription: Option<Index>, states: BTreeSet<DeliveryState> },
    Entries(AuditFilter),
    Packages(Filter<SubmissionPackage>),
    PackageEvents { package: Option<Index> },
    Measurements(Filter<Measurement>),
}

pub(super) fn any_query() -> impl Strategy<Value = Query> {
    // Streams are rare, because each takes a connection of its own from the store.
    (0..2_usize, any_page(), any_list(), weighted(0.15)).prop_map(|(organization, mut page, list, streamed)| {
        if !matches!(list, List::Findings(_) | List::Packages(_)) {
            without_due_dates(&mut page);
        }
        Query { organization, page, list, streamed }
    })
}

/// Replaces what only applies to records with due dates.
fn without_due_dates(page: &mut PageRequest) {
    if page.order == Order::Due {
        page.order = Order::Changed;
    }
    (page.time_range.due_after, page.time_range.due_before) = (None, None);
}

fn any_page() -> impl Strategy<Value = PageRequest> {
    (1..7_u64, select(&[Order::Newest, Order::Changed, Order::Due][..]), any_time_range()).prop_map(
        |(limit, order, time_range)| PageRequest { limit: PageLimit::clamped(limit), order, after: None, time_range },
    )
}

fn any_time_range() -> impl Strategy<Value = TimeRange> {
    // Most sequences of commands stay within this time by the test clock.
    let moment =
        || option::weighted(0.3, (0..24_u64).prop_map(|millis| TestClock::START + Duration::from_millis(millis)));
    (moment(), moment(), moment(), moment(), moment(), moment()).prop_map(
        |(created_after, created_before, updated_after, updated_before, due_after, due_before)| TimeRange {
            created_after,
            created_before,
            updated_after,
            updated_before,
            due_after,
            due_before,
        },
    )
}

fn any_list() -> impl Strategy<Value = List> {
    prop_oneof![
        1 => Just(List::Organizations),
        1 => Just(List::Accounts),
        3 => any_subset(DefinitionStatus::ALL).prop_map(|statuses| List::Controls(Filter::<Control>::default().with("status", statuses))),
        6 => any_finding_filter().prop_map(List::Findings),
        2 => option::of(any::<Index>()).prop_map(|finding| List::Events { finding }),
        2 => (option::of(any::<Index>()), any_subset(SubscriptionStatus::ALL))
            .prop_map(|(account, statuses)| List::Subscriptions { account, statuses }),
        2 => (option::of(any::<Index>()), any_subset(DeliveryState::ALL)).prop_map(|(subscription, states)| List::Deliveries { subscription, states }),
        2 => any_audit_filter().prop_map(List::Entries),
        2 => (any_subset(SubmissionPackageStatus::ALL), option::of(0..2_u8)).prop_map(|(statuses, requirement)| {
            let filter = Filter::default().with("status", statuses);
            List::Packages(filter.with("submission_requirement_id", requirement.map(parent::<SubmissionRequirement>)))
        }),
        1 => option::of(any::<Index>()).prop_map(|package| List::PackageEvents { package }),
        2 => (0..2_u8, option::of(0..4_u8)).prop_map(|(indicator, since)| {
            let filter = Filter::default().with("indicator_definition_id", [parent::<Indicator>(indicator)]);
            List::Measurements(filter.with("since", since.map(measured_at)))
        }),
    ]
}

fn any_finding_filter() -> impl Strategy<Value = FindingFilter> {
    let subjects = any_subset(SUBJECTS)
        .prop_map(|subjects| subjects.into_iter().map(samples::reference).collect::<BTreeSet<Reference>>())
        .boxed();
    let keys = any_subset(KEYS).prop_map(|keys| keys.into_iter().map(samples::key).collect::<BTreeSet<RecordKey>>());
    let members = subjects.clone();
    let teams =
        any_subset(&["team"]).prop_map(|names| names.into_iter().map(samples::reference).collect::<BTreeSet<_>>());
    let enums = (any_subset(Status::ALL), any_subset(Severity::ALL), any_subset(SourceKind::ALL));
    (enums, subjects, keys, members, teams).prop_map(
        |((statuses, severities, source_kinds), subject_resource_ids, keys, members, teams)| {
            FindingFilter::default()
                .with("status", statuses)
                .with("severity", severities)
                .with("source_kind", source_kinds)
                .with("subject_resource_id", subject_resource_ids)
                .with("finding_key", keys)
                .with("owner_member_user_id", members)
                .with("owner_responsibility_id", teams)
        },
    )
}

fn any_audit_filter() -> impl Strategy<Value = AuditFilter> {
    let texts = |pool: &'static [&'static str]| {
        any_subset(pool).prop_map(|texts| texts.into_iter().map(str::to_owned).collect::<BTreeSet<String>>())
    };
    let subjects = texts(&["find_01JZ0000000000000000000000", "none"]);
    (
        texts(&["finding.created", "finding.listed", "finding.updated"]),
        texts(&["svc_01JZSCANNER000000000000000", "none"]),
        subjects,
    )
        .prop_map(|(actions, actors, subjects)| AuditFilter { actions, actors, subjects })
}

/// A random subset of the pool, usually empty, which means no filter.
fn any_subset<T: Copy + Ord + std::fmt::Debug + 'static>(pool: &'static [T]) -> impl Strategy<Value = BTreeSet<T>> {
    prop_oneof![2 => Just(BTreeSet::new()), 1 => btree_set(select(pool), 1..=3)]
}
