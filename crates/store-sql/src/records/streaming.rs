//! Streams of whole collections: one scan in the order of a list, with every filter as a condition.
//!
//! A page merges a range of an index for each value of a filter, since it ends early. A stream goes to the end, so it
//! reads one range and sorts nothing, since sorting would take memory or disk for the whole collection: a filter of
//! several values is written so that no planner looks it up in an index.

use std::sync::Arc;

use kernel::{Comparison, PageRequest, StreamRequest};

use super::{list_plan::Source, list_query::ListQuery, residual::at_least, scan_order::due_conditions, table::Filter};
use crate::engine::{Sql, Value, column_list, one_of};

/// Returns the page request with the order and the time ranges of this stream request.
pub(crate) fn to_page_request(request: &StreamRequest) -> PageRequest {
    PageRequest { order: request.order, time_range: request.time_range, ..PageRequest::default() }
}

/// Returns the statement that streams every row of a list query, whatever its limit, and its values.
pub(crate) fn statement(
    query: ListQuery,
    Source { table, columns, filters, .. }: Source<'_>,
) -> (Arc<Sql>, Vec<Value<'static>>) {
    let mut filtered: Vec<(Filter, Vec<Value<'static>>)> =
        filters.iter().copied().zip(query.filters).filter(|(_, values)| !values.is_empty()).collect();
    let by_due_date = query.scan_order.is_by_due_date();
    let is_range =
        |filter: &Filter, values: usize| filter.is_indexed(by_due_date) && (filter.is_unique() || values == 1);
    let drivers = filtered.iter().enumerate().filter(|(_, (filter, values))| is_range(filter, values.len()));
    let driver = drivers.min_by_key(|(_, (filter, _))| filter.selectivity).map(|(index, _)| index);
    let driver = driver.map(|index| filtered.remove(index));

    let mut values = vec![query.organization];
    let mut conditions = vec!["organization_id = ?1".to_owned()];
    if let Some((filter, wanted)) = driver {
        conditions.push(one_of(filter.column, values.len() + 1, wanted.len()));
        values.extend(wanted);
    }
    conditions.extend(query.scan_order.conditions("", values.len() + 1));
    values.extend(query.bounds);
    if let Some(range) = query.due_range {
        conditions.extend(due_conditions("", values.len() + 1));
        values.extend(range);
    }
    for (filter, wanted) in filtered {
        let first = values.len() + 1;
        match filter.comparison {
            Comparison::OneOf => {
                conditions.push(one_of(&format!("({} || '')", filter.column), first, wanted.len()));
            }
            Comparison::AtLeast => {
                let bounds = first..first + wanted.len();
                conditions.extend(bounds.map(|parameter| at_least(filter.column, parameter)));
            }
        }
        values.extend(wanted);
    }
    let text = format!(
        "SELECT {} FROM {table} WHERE {} ORDER BY {}",
        column_list("", columns.iter().map(|column| column.name)),
        conditions.join(" AND "),
        query.scan_order.order_by("")
    );
    (Arc::new(Sql::from_numbered_text(&text)), values)
}

#[cfg(test)]
mod tests {
    use findings::{Finding, FindingFilter, Severity, Status};
    use kernel::{Id, Order, RecordKey, Reference, TimeRange, Timestamp};
    use ulid::Ulid;

    use super::*;
    use crate::{
        query_plans::PlanFixture,
        records::{statements::Statements, table::Table},
    };

    fn requests() -> [StreamRequest; 3] {
        let since = TimeRange { updated_after: Some(Timestamp::from_millis(5)), ..TimeRange::default() };
        let all = StreamRequest::default();
        [all, StreamRequest { time_range: since, ..all }, StreamRequest { time_range: since, order: Order::Changed }]
    }

    async fn steps(planned: &PlanFixture, filter: &FindingFilter, request: &StreamRequest) -> Vec<String> {
        let organization: Id<kernel::Organization> = Id::new(Ulid(1));
        let query =
            ListQuery::for_records(organization.into(), Finding::filter_values(filter), &to_page_request(request));
        let (sql, values) = Statements::for_kind(kernel::Kind::Finding).stream(query);
        planned.plan_steps(&sql, values).await
    }

    /// Asserts that the plan is one range of an index, in its order.
    #[track_caller]
    fn assert_one_scan(steps: &[String], index: &str) {
        assert_eq!(steps.len(), 1, "{steps:#?}");
        assert!(steps[0].starts_with("SEARCH") && steps[0].contains(&format!("INDEX {index} ")), "{index}: {steps:#?}");
    }

    #[tokio::test]
    async fn a_stream_scans_one_index_range_and_sorts_nothing_with_any_filters() {
        let planned = PlanFixture::new().await;
        let any = FindingFilter::default();
        let (by_id, changed) = ("sqlite_autoindex_findings_1", "findings_changed");
        for (filter, indexes) in [
            (any.clone(), [by_id, by_id, changed]),
            (any.clone().with("status", [Status::Open, Status::Triaged]), [by_id, by_id, changed]),
            (
                any.clone().with("status", [Status::Open, Status::Triaged]).with("severity", [Severity::Low]),
                ["findings_severity", "findings_severity", "findings_severity_changed"],
            ),
            (
                any.clone()
                    .with("subject_resource_id", [Reference::parse("x").unwrap()])
                    .with("severity", [Severity::Low]),
                ["findings_subject", "findings_subject", "findings_subject_changed"],
            ),
        ] {
            for (request, index) in requests().iter().zip(indexes) {
                assert_one_scan(&steps(&planned, &filter, request).await, index);
            }
        }
    }

    #[tokio::test]
    async fn a_stream_by_due_date_scans_one_index_range_and_sorts_nothing() {
        let planned = PlanFixture::new().await;
        let any = FindingFilter::default();
        let open = any.clone().with("status", [Status::Open]);
        let due_before = TimeRange { due_before: Some(Timestamp::from_millis(5)), ..TimeRange::default() };
        let changed = TimeRange { updated_after: Some(Timestamp::from_millis(5)), ..TimeRange::default() };
        for time_range in [TimeRange::default(), due_before, changed] {
            let request = StreamRequest { order: Order::Due, time_range };
            assert_one_scan(&steps(&planned, &any, &request).await, "findings_due");
            assert_one_scan(&steps(&planned, &open, &request).await, "findings_status_due");
        }
    }

    #[tokio::test]
    async fn a_stream_with_keys_looks_them_up_in_their_index() {
        let planned = PlanFixture::new().await;
        let keys = ["a", "b"].map(|key| RecordKey::parse(key).unwrap());
        let filter = FindingFilter::default().with("finding_key", keys);
        for request in &requests() {
            let steps = steps(&planned, &filter, request).await;
            assert!(steps[0].contains("INDEX findings_key (organization_id=? AND key=?)"), "{steps:#?}");
        }
    }
}
