//! Query plan tests on SQLite: the frequent statements of the queue read only the rows that they find.
#![cfg(test)]

mod on_postgres;

use kernel::Kind;

use super::{deliveries, events, leases, partitions, pruning, queued, results, revisions};
use crate::{
    engine::{Sql, Value},
    query_plans::PlanFixture,
    records::Statements,
};

/// Asserts that each step of the plan searches one of these indexes, and that nothing is sorted.
async fn assert_searches(planned: &PlanFixture, sql: &Sql, parameters: usize, indexes: &[&str]) {
    let steps = planned.plan_steps(sql, vec![Value::Int(1); parameters]).await;
    assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{steps:#?}");
    let reads: Vec<_> = steps.iter().filter(|step| step.contains(" USING ")).collect();
    assert!(!reads.is_empty(), "{steps:#?}");
    for read in reads {
        let uses_index = indexes.iter().any(|index| read.contains(index));
        assert!(read.starts_with("SEARCH") && uses_index, "{indexes:?}: {steps:#?}");
    }
}

const OPEN: &str = "webhook_deliveries_open";
const PARTITIONS: &str = "webhook_lanes USING PRIMARY KEY";
/// The deliveries of a subscription, or some of them. [`DELIVERY`] is a single one.
const DELIVERIES: &str = "sqlite_autoindex_webhook_deliveries_1 (organization_id=? AND subscription_id=?";
const DELIVERY: &str = "sqlite_autoindex_webhook_deliveries_1 (organization_id=? AND subscription_id=? AND id=?)";
const EVENTS: &str = "sqlite_autoindex_outbox_1";
const PENDING: &str = "pending_events USING PRIMARY KEY (organization_id";
const PENDING_EVENT: &str = "USING PRIMARY KEY (organization_id=? AND created_at=? AND subject_revision=? AND id=?)";
/// The deliveries of a subscription that have not changed, or some of them. [`QUEUED_DELIVERY`] is a single one.
const QUEUED: &str = "USING PRIMARY KEY (organization_id=? AND subscription_id=?";
const QUEUED_DELIVERY: &str = "USING PRIMARY KEY (organization_id=? AND subscription_id=? AND id=?)";
const SUBSCRIPTIONS: &str = "sqlite_autoindex_webhook_subscriptions_1";
/// The deliveries of a subscription, in any order.
const CHANGED_DELIVERIES: &str = "webhook_deliveries_subscription_changed (organization_id=? AND subscription_id=?)";
/// All subscriptions of an organization, in any order.
const ALL_SUBSCRIPTIONS: &str = "webhook_subscriptions_changed (organization_id=?)";

#[tokio::test]
async fn pending_events_are_found_without_reading_distributed_ones() {
    let planned = PlanFixture::new().await;
    assert_searches(&planned, &events::NEXT_ORGANIZATION, 1, &[PENDING]).await;
    assert_searches(&planned, &events::PENDING, 2, &[PENDING]).await;
    assert_searches(&planned, &events::REMOVE_PENDING.single_row(), 4, &[PENDING_EVENT]).await;
    assert_searches(&planned, &events::MARK_ATTEMPTED.single_row(), 4, &[PENDING_EVENT]).await;
    assert_searches(&planned, &events::BETWEEN, 4, &[EVENTS]).await;
    assert_searches(&planned, &events::BETWEEN_WITHOUT_BODIES, 4, &[EVENTS]).await;
}

#[tokio::test]
async fn due_partitions_are_found_without_reading_others() {
    let planned = PlanFixture::new().await;
    assert_searches(&planned, &partitions::DUE, 2, &["webhook_lanes_due"]).await;
    assert_searches(&planned, &partitions::DUE_HEALTHY, 2, &["webhook_lanes_due"]).await;
    let indexes = ["webhook_lanes_due", OPEN, QUEUED, "pending_events USING PRIMARY KEY"];
    assert_searches(&planned, &partitions::LAG, 1, &indexes).await;
    assert_searches(&planned, &leases::ACQUIRE.single_row(), 5, &[PARTITIONS]).await;
    assert_searches(&planned, &leases::RELEASE, 5, &[PARTITIONS, OPEN, QUEUED]).await;
}

#[tokio::test]
async fn due_deliveries_are_found_without_reading_finished_ones() {
    let planned = PlanFixture::new().await;
    assert_searches(&planned, &deliveries::CANCEL, 4, &[DELIVERY, OPEN]).await;
    assert_searches(&planned, &results::RECORD.single_row(), 10, &[DELIVERY]).await;
    assert_searches(
        &planned,
        &revisions::CURRENT.single_row(),
        2,
        &[SUBSCRIPTIONS, "sqlite_autoindex_service_accounts_1"],
    )
    .await;
    assert_searches(&planned, &deliveries::DUE_CHANGED, 4, &[OPEN]).await;
    assert_searches(&planned, &deliveries::DUE_QUEUED, 4, &[QUEUED]).await;
    assert_searches(&planned, &queued::TAKE.single_row(), 3, &[QUEUED_DELIVERY]).await;
    assert_searches(&planned, &queued::TAKE_FIRST, 3, &[QUEUED]).await;
    assert_searches(&planned, &queued::TAKE_BY_ID, 2, &[QUEUED_DELIVERY, ALL_SUBSCRIPTIONS]).await;
    assert_searches(&planned, &queued::FIND_QUEUED.single_row(), 3, &[QUEUED_DELIVERY]).await;
    assert_searches(&planned, &queued::FIND_CHANGED.single_row(), 3, &[DELIVERY]).await;
    assert_searches(&planned, &deliveries::BODIES.single_row(), 2, &[EVENTS]).await;
}

#[tokio::test]
async fn old_rows_are_found_without_reading_newer_ones() {
    let planned = PlanFixture::new().await;
    assert_searches(&planned, &pruning::SUBSCRIPTIONS, 2, &[SUBSCRIPTIONS, DELIVERIES, QUEUED]).await;
    assert_searches(&planned, &pruning::DELIVERIES, 4, &[DELIVERIES, SUBSCRIPTIONS]).await;
    assert_searches(&planned, &pruning::QUEUED, 4, &[QUEUED, SUBSCRIPTIONS]).await;
    let indexes = [EVENTS, ALL_SUBSCRIPTIONS, DELIVERIES, QUEUED, PENDING_EVENT];
    assert_searches(&planned, &pruning::EVENTS, 4, &indexes).await;
    let removed = "webhook_subscriptions_status_changed (organization_id=? AND status=? AND updated_at<?)";
    assert_searches(&planned, &pruning::REMOVED, 3, &[removed, CHANGED_DELIVERIES, QUEUED]).await;
    assert_searches(&planned, &pruning::PARTITION, 2, &[PARTITIONS]).await;
    assert_searches(&planned, &pruning::SUBSCRIPTION, 2, &[SUBSCRIPTIONS]).await;
    let organizations = "organizations_1 (organization_id";
    assert_searches(&planned, &pruning::NEXT_ORGANIZATIONS, 2, &[organizations]).await;
    let indexes = [organizations, EVENTS, removed, SUBSCRIPTIONS, ALL_SUBSCRIPTIONS, DELIVERIES, QUEUED];
    assert_searches(&planned, &pruning::HAS_OLD_ROWS, 3, &indexes).await;
}

#[tokio::test]
async fn a_delivery_is_looked_up_by_its_subscription_or_by_each_possible_one() {
    let planned = PlanFixture::new().await;
    let statements = Statements::for_kind(Kind::WebhookDelivery);
    assert_searches(&planned, &deliveries::existing_statement(5), 10, &[DELIVERY, QUEUED_DELIVERY]).await;
    assert_searches(&planned, &statements.update.single_row(), 14, &[DELIVERY]).await;
    assert_searches(&planned, &statements.get, 2, &[DELIVERY, QUEUED_DELIVERY, ALL_SUBSCRIPTIONS]).await;
    assert_searches(&planned, &statements.revisions(5), 9, &[DELIVERY, ALL_SUBSCRIPTIONS]).await;
}
