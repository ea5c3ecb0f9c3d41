//! A list query: the bound values of one page or stream of a collection.

use std::sync::Arc;

use kernel::{Order, PageRequest, Position, Timestamp};
use ulid::Ulid;

use super::{
    list_plan::{ListPlan, ScanOrder, Source},
    statement_cache::StatementCache,
};
use crate::engine::{Sql, Value};

/// The bound values of a list query.
#[derive(Clone, Debug)]
pub(crate) struct ListQuery {
    pub(crate) organization: Value<'static>,
    pub(crate) scan_order: ScanOrder,
    /// Whether there are bounds that no index range enforces and that exclude anything.
    residual_bounds: bool,
    pub(crate) bounds: Vec<Value<'static>>,
    /// The accepted values of each filter.
    pub(crate) filters: Vec<Vec<Value<'static>>>,
    limit: i64,
}

impl ListQuery {
    /// Creates the query of records, which change.
    pub(crate) fn for_records(
        organization: Value<'static>,
        filters: Vec<Vec<Value<'static>>>,
        page: &PageRequest,
    ) -> Self {
        let (first, mut last) = id_range(page.time_range.created_after, page.time_range.created_before);
        let updated = (page.time_range.updated_after, page.time_range.updated_before);
        let until = Value::Int(updated.1.map_or(i64::MAX, Timestamp::millis));
        let (scan_order, residual_bounds, bounds) = match page.order {
            Order::Newest => {
                if let Some(Position::Newest(after)) = page.after {
                    last = last.min(preceding_id(after));
                }
                match updated {
                    (None, None) => (ScanOrder::Newest, false, vec![first.into(), last.into()]),
                    (since, before) => {
                        // A record is never updated before it is created.
                        last = last.min(id_range(None, before).1);
                        let since = Value::Int(since.map_or(i64::MIN, Timestamp::millis));
                        (ScanOrder::NewestChangedWithin, true, vec![first.into(), last.into(), since, until])
                    }
                }
            }
            Order::Changed => {
                let start = (updated.0.map_or(i64::MIN, Timestamp::millis), String::new());
                let (moment, id) = match page.after {
                    Some(Position::Changed(moment, id)) => start.max((moment.millis(), id.to_string())),
                    _ => start,
                };
                let residual_bounds = (first, last) != id_range(None, None);
                (
                    ScanOrder::Changed,
                    residual_bounds,
                    vec![Value::Int(moment), Value::from(id), until, first.into(), last.into()],
                )
            }
        };
        Self { organization, scan_order, residual_bounds, bounds, filters, limit: limit_with_overfetch(page) }
    }

    /// Creates the query of entries. They never change, so both orders and both time ranges are ranges of identifiers.
    pub(crate) fn for_entries(
        organization: Value<'static>,
        filters: Vec<Vec<Value<'static>>>,
        page: &PageRequest,
    ) -> Self {
        let time_range = page.time_range;
        let since = time_range.created_after.max(time_range.updated_after);
        let until = match (time_range.created_before, time_range.updated_before) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        let (mut first, mut last) = id_range(since, until);
        let scan_order = match page.order {
            Order::Newest => ScanOrder::Newest,
            Order::Changed => ScanOrder::Oldest,
        };
        match page.after {
            Some(Position::Newest(after)) => last = last.min(preceding_id(after)),
            Some(Position::Changed(_, after)) => first = first.max(Ulid(after.0.saturating_add(1))),
            None => {}
        }
        let bounds = vec![first.into(), last.into()];
        Self { organization, scan_order, residual_bounds: false, bounds, filters, limit: limit_with_overfetch(page) }
    }

    /// Returns the statement of a page that scans at most `scan_limit` rows, and its values. `process` identifies the
    /// registration of this process.
    pub(crate) fn statement(
        &self,
        cache: &StatementCache<ListPlan>,
        source: Source<'_>,
        scan_limit: usize,
        process: Ulid,
    ) -> (Arc<Sql>, Vec<Value<'static>>) {
        let counts: Vec<usize> = self.filters.iter().map(Vec::len).collect();
        let plan = ListPlan::new(self.scan_order, self.residual_bounds, source.filters, &counts, scan_limit);
        let mut values = self.values(&plan);
        values.push(process.into());
        (cache.get(plan, |plan| plan.sql(source)), values)
    }

    fn values(&self, plan: &ListPlan) -> Vec<Value<'static>> {
        let mut values = vec![self.organization.clone(), Value::Int(self.limit)];
        values.extend(self.bounds.iter().cloned());
        for (filter, slots) in plan.driver.iter().chain(&plan.residual) {
            let wanted = self.filters.get(*filter).map_or(&[][..], Vec::as_slice);
            // Unused slots get the empty text, which no filter column ever has.
            values.extend(wanted.iter().cloned().chain(std::iter::repeat(Value::text(""))).take(*slots));
        }
        values
    }
}

fn limit_with_overfetch(page: &PageRequest) -> i64 {
    i64::try_from(page.limit.get()).map_or(i64::MAX, |limit| limit + 1)
}

/// Returns the first and last identifier of records created in this range. In an empty range the first is greater.
fn id_range(since: Option<Timestamp>, until: Option<Timestamp>) -> (Ulid, Ulid) {
    let first = since.map_or(Ulid::nil(), Timestamp::first_ulid);
    match until.map(Timestamp::first_ulid) {
        None => (first, Ulid::max()),
        Some(end) if end.is_nil() => (Ulid(1), Ulid::nil()),
        Some(end) => (first, preceding_id(end)),
    }
}

fn preceding_id(id: Ulid) -> Ulid {
    Ulid(id.0.saturating_sub(1))
}
