//! Query plan tests on SQLite: the frequent statements of the queue read only the rows that they find.
#![cfg(test)]

mod on_postgres;

use kernel::Kind;

use super::{deliveries, events, holding, lanes, pruning, settling, standing};
use crate::{
    engine::{Sql, Value},
    plans::Planned,
    statements::Statements,
};

/// Asserts that each step of the plan searches one of these indexes, and that nothing is sorted.
async fn goes_by(planned: &Planned, sql: &Sql, parameters: usize, indexes: &[&str]) {
    let steps = planned.steps(sql, vec![Value::Int(1); parameters]).await;
    assert!(!steps.iter().any(|step| step.contains("TEMP B-TREE")), "{steps:#?}");
    let reads: Vec<_> = steps.iter().filter(|step| step.contains(" USING ")).collect();
    assert!(!reads.is_empty(), "{steps:#?}");
    for read in reads {
        let uses_index = indexes.iter().any(|index| read.contains(index));
        assert!(read.starts_with("SEARCH") && uses_index, "{indexes:?}: {steps:#?}");
    }
}

const OPEN: &str = "webhook_deliveries_open";
const LANES: &str = "webhook_lanes USING PRIMARY KEY";
/// The deliveries of a subscription, or some of them. [`DELIVERY`] is a single one.
const DELIVERIES: &str = "sqlite_autoindex_webhook_deliveries_1 (organization_id=? AND subscription_id=?";
const DELIVERY: &str = "sqlite_autoindex_webhook_deliveries_1 (organization_id=? AND subscription_id=? AND id=?)";
const EVENTS: &str = "sqlite_autoindex_outbox_1";
const SUBSCRIPTIONS: &str = "sqlite_autoindex_webhook_subscriptions_1";
/// All subscriptions of an organization, in any order.
const EVERY_SUBSCRIPTION: &str = "webhook_subscriptions_changed (organization_id=?)";

#[tokio::test]
async fn what_waits_is_found_without_a_look_at_what_is_distributed() {
    let planned = Planned::new().await;
    goes_by(&planned, &events::NEXT, 1, &["outbox_waiting"]).await;
    goes_by(&planned, &events::WAITING, 2, &["outbox_waiting"]).await;
    goes_by(&planned, &events::BETWEEN, 4, &[EVENTS]).await;
}

#[tokio::test]
async fn lanes_that_are_due_are_found_without_a_look_at_the_others() {
    let planned = Planned::new().await;
    goes_by(&planned, &lanes::DUE, 2, &["webhook_lanes_due"]).await;
    goes_by(&planned, &lanes::LAG, 1, &["webhook_lanes_due", OPEN, "outbox_waiting"]).await;
    goes_by(&planned, &holding::CLAIM.one(), 5, &[LANES]).await;
    goes_by(&planned, &holding::GIVE_UP.one(), 5, &[LANES, OPEN]).await;
}

#[tokio::test]
async fn what_is_due_is_found_without_a_look_at_what_is_over() {
    let planned = Planned::new().await;
    goes_by(&planned, &deliveries::CANCEL, 4, &[DELIVERY, OPEN]).await;
    goes_by(&planned, &settling::SETTLE.one(), 10, &[DELIVERY]).await;
    goes_by(&planned, &standing::ONE, 2, &[SUBSCRIPTIONS, "sqlite_autoindex_service_accounts_1"]).await;
    goes_by(&planned, &deliveries::DUE.one(), 4, &[OPEN]).await;
    goes_by(&planned, &deliveries::BODIES.one(), 2, &[EVENTS]).await;
}

#[tokio::test]
async fn what_is_old_is_found_without_a_look_at_what_is_younger() {
    let planned = Planned::new().await;
    goes_by(&planned, &pruning::SUBSCRIPTIONS, 2, &[SUBSCRIPTIONS, DELIVERIES]).await;
    goes_by(&planned, &pruning::DELIVERIES, 4, &[DELIVERIES, SUBSCRIPTIONS]).await;
    goes_by(&planned, &pruning::EVENTS, 4, &[EVENTS, EVERY_SUBSCRIPTION, DELIVERIES]).await;
    let steps = planned.steps(&pruning::ORGANIZATIONS, vec![Value::Int(1)]).await;
    assert!(steps.iter().any(|step| step.starts_with("SEARCH d ") && step.contains(DELIVERIES)), "{steps:#?}");
}

#[tokio::test]
async fn a_delivery_is_looked_up_under_its_subscription_or_under_each_there_may_be() {
    let planned = Planned::new().await;
    let statements = Statements::of(Kind::WebhookDelivery);
    goes_by(&planned, &deliveries::known_of(5), 10, &[DELIVERY]).await;
    goes_by(&planned, &statements.update.one(), 14, &[DELIVERY]).await;
    goes_by(&planned, &statements.get, 2, &[DELIVERY, EVERY_SUBSCRIPTION]).await;
    goes_by(&planned, &statements.revisions(5), 9, &[DELIVERY, EVERY_SUBSCRIPTION]).await;
}
