//! Query plan tests on PostgreSQL, with data, of all statements that search deliveries.
#![cfg(test)]

use kernel::Kind;

use super::{deliveries, pruning, results};
use crate::{
    engine::{BatchStatement, Sql},
    query_plans::on_postgres::PlanFixture,
    records::Statements,
};

/// 10⁵ deliveries to two hundred subscriptions of ten organizations.
const ROWS: &str = "
    INSERT INTO organizations (organization_id, id, revision, created_at, updated_at, slug, name, locale, timezone)
    SELECT lpad(i::text, 26, '0'), lpad(i::text, 26, '0'), 1, i, i, 's-' || i, 'name', 'en', 'UTC'
    FROM generate_series(0, 9) AS i;
    INSERT INTO webhook_subscriptions (organization_id, id, revision, created_at, updated_at, account_id, place, key, url,
        description, event_types, status, secrets)
    SELECT lpad((i % 10)::text, 26, '0'), lpad(i::text, 26, '0'), 1, i, i, 'a-' || i, 0, 'k-' || i, 'url', '', 'types',
        (ARRAY['active', 'disabled', 'removed'])[1 + i / 10 % 3], '[]'
    FROM generate_series(1, 200) AS i;
    INSERT INTO webhook_deliveries (organization_id, id, revision, created_at, updated_at, subscription_id, event_id,
        event_type, subject_id, subject_revision, state, failed, next_attempt_at, attempts)
    SELECT lpad((i % 10)::text, 26, '0'), lpad(i::text, 26, '0'), 1, i, i, lpad((1 + (i - 1) % 200)::text, 26, '0'),
        'e-' || i / 200, 'finding.created', 's-' || i / 200, 1, CASE WHEN i > 99000 THEN 'pending' ELSE 'delivered' END, 0,
        CASE WHEN i > 99000 THEN i END, '[]'
    FROM generate_series(1, 100000) AS i;
    INSERT INTO outbox (organization_id, id, name, subject_kind, subject_id, subject_revision, created_at, body)
    SELECT lpad((i % 10)::text, 26, '0'), lpad(i::text, 26, '0'), 'finding.created', 'finding', 's-' || i, 1, i, ''
    FROM generate_series(1, 20000) AS i;
    INSERT INTO webhook_queue (organization_id, subscription_id, id, event_id, event_type, subject_id, subject_revision,
        created_at, updated_at, next_attempt_at)
    SELECT lpad((i % 10)::text, 26, '0'), lpad((1 + (i - 1) % 200)::text, 26, '0'), lpad(i::text, 26, '0'), 'e-' || i / 200,
        'finding.created', 's-' || i / 200, 1, i, i, i
    FROM generate_series(100001, 120000) AS i";

/// Asserts that every scan of deliveries is limited to one subscription, or to some of its deliveries.
#[track_caller]
fn assert_by_subscription(plan: &[String]) {
    let mut scans = 0;
    for (index, node) in plan.iter().enumerate().filter(|(_, node)| is_delivery_scan(node)) {
        let condition = plan.get(index + 1).map_or("", String::as_str);
        let uses_index = node.contains(" using webhook_deliveries_") && condition.starts_with("Index Cond: ");
        assert!(uses_index && condition.contains("(subscription_id = "), "{plan:#?}");
        scans += 1;
    }
    assert!(scans > 0, "{plan:#?}");
}

fn is_delivery_scan(node: &str) -> bool {
    node.contains("Scan ") && node.contains(" on webhook_deliveries")
}

/// Asserts the same, and that scans of the primary key have a condition on the id.
#[track_caller]
fn assert_by_key(plan: &[String]) {
    assert_by_subscription(plan);
    let by_key = plan.windows(2).filter(|pair| pair[0].contains(" using webhook_deliveries_pkey "));
    assert!(by_key.clone().count() > 0 && by_key.clone().all(|pair| pair[1].contains("(id = ")), "{plan:#?}");
}

fn id(number: u32) -> String {
    format!("'{number:026}'")
}

/// The statement for one row and for many, each with its values.
fn rows(batch_statement: &BatchStatement, one: &str) -> [(String, String); 2] {
    let [text, texts] = batch_statement.postgres_texts().map(str::to_owned);
    let many: Vec<String> = one.split(", ").map(|value| format!("ARRAY[{value}, {value}]")).collect();
    [(text, one.to_owned()), (texts, many.join(", "))]
}

#[tokio::test]
async fn deliveries_are_found_by_subscription_on_postgresql() {
    let planned = PlanFixture::with_rows(ROWS).await;
    let statements = Statements::for_kind(Kind::WebhookDelivery);
    let (org, subscription, delivery) = (id(1), id(11), id(50_011));
    let several = [delivery.as_str(); 8].join(", ");
    let case = |sql: &Sql, values: String| (sql.postgres_text().to_owned(), values);
    let recorded = format!("{org}, {delivery}, 1, {subscription}, 2, 2, 'delivered', 0, NULL::bigint, '[]'");
    let updated = format!(
        "{org}, {delivery}, 1, 2, 2, {subscription}, 'event', 'type', 'subject', 1, 'delivered', 0, NULL::bigint, '[]'"
    );
    let by_key = [
        case(&statements.get, format!("{org}, {delivery}")),
        case(&statements.revisions(5), format!("{org}, {several}")),
        case(&deliveries::existing_statement(5), format!("{org}, {subscription}, {several}")),
        case(&deliveries::CANCEL, format!("{org}, {subscription}, 1, 100")),
    ];
    let stored = [rows(&results::RECORD, &recorded), rows(&statements.update, &updated)];
    for (text, values) in by_key.into_iter().chain(stored.into_iter().flatten()) {
        let [custom, generic] = planned.plans_of(&text, &values).await;
        assert_by_subscription(&custom);
        assert_by_key(&generic);
    }
    for (text, values) in [
        case(&pruning::HAS_OLD_ROWS, format!("{org}, {delivery}, 50011")),
        case(&pruning::REMOVED, format!("{org}, 50011, 100")),
        case(&deliveries::DUE_CHANGED, format!("{org}, {subscription}, 10, 50011")),
        case(&pruning::SUBSCRIPTIONS, format!("{org}, {delivery}")),
        case(&pruning::DELIVERIES, format!("{org}, {subscription}, {delivery}, 100")),
        case(&pruning::EVENTS, format!("{org}, {delivery}, 50011, 100")),
    ] {
        for plan in planned.plans_of(&text, &values).await {
            assert_by_subscription(&plan);
        }
    }
}
