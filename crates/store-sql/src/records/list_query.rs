//! A list query: the bound values of one page or stream of a collection.

use std::sync::Arc;

use kernel::{Comparison, Order, PageRequest, Position, TimeRange, Timestamp};
use ulid::Ulid;

use super::{
    list_plan::{ListPlan, Source},
    residual::value_list,
    scan_order::{ScanOrder, Within},
    statement_cache::StatementCache,
    table::Filter,
};
use crate::engine::{Sql, Value};

/// The statement of a page, with its values.
#[derive(Debug)]
pub(crate) struct ListStatement {
    pub(crate) sql: Arc<Sql>,
    pub(crate) values: Vec<Value<'static>>,
    /// Whether each row begins with its [kind](super::row_kind). Otherwise all belong to the page.
    pub(crate) has_row_kinds: bool,
}

/// The bound values of a list query.
#[derive(Clone, Debug)]
pub(crate) struct ListQuery {
    pub(crate) organization: Value<'static>,
    pub(crate) scan_order: ScanOrder,
    /// Whether there are bounds that no index range enforces and that exclude anything.
    residual_bounds: bool,
    pub(crate) bounds: Vec<Value<'static>>,
    /// The start and the end of the range of due dates, if there is one that is no bound of the scan order.
    pub(crate) due_range: Option<[Value<'static>; 2]>,
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
                    // A range of due dates has no statements of its own in this order, since it is rare.
                    (None, None) if !page.time_range.has_due_bound() => {
                        (ScanOrder::Newest, false, vec![first.into(), last.into()])
                    }
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
            Order::Due => {
                let (within, ranges) = Self::other_ranges(page);
                let (scan_order, mut bounds) = match page.after {
                    Some(Position::Due(None, after)) => {
                        (ScanOrder::WithoutDueDate(within), vec![Ulid(after.0.saturating_add(1)).into()])
                    }
                    after => {
                        let [since, until] = due_range(page);
                        let start = (since, String::new());
                        let (moment, id) = match after {
                            Some(Position::Due(Some(moment), id)) => start.max((moment.millis(), id.to_string())),
                            _ => start,
                        };
                        (ScanOrder::Due(within), vec![Value::Int(moment), Value::from(id), Value::Int(until)])
                    }
                };
                bounds.extend(ranges);
                (scan_order, within == Within::Ranges, bounds)
            }
        };
        let is_by_due_date = matches!(scan_order, ScanOrder::Due(_));
        let due_range = (page.time_range.has_due_bound() && !is_by_due_date).then(|| due_range(page).map(Value::Int));
        Self {
            organization,
            scan_order,
            residual_bounds,
            bounds,
            due_range,
            filters,
            limit: limit_with_overfetch(page),
        }
    }

    /// Creates the query of a stream of records. It differs from that of a page in that records with and without a due
    /// date are one range.
    pub(crate) fn for_record_stream(
        organization: Value<'static>,
        filters: Vec<Vec<Value<'static>>>,
        request: &PageRequest,
    ) -> Self {
        let query = Self::for_records(organization, filters, request);
        if request.order != Order::Due || request.time_range.has_due_bound() {
            return query;
        }
        let (within, bounds) = Self::other_ranges(request);
        Self { scan_order: ScanOrder::DueThenWithout(within), bounds, ..query }
    }

    /// Returns the ranges of creation and change times of a list in the order of due dates, and their bounds.
    fn other_ranges(page: &PageRequest) -> (Within, Vec<Value<'static>>) {
        let range = page.time_range;
        if range == (TimeRange { due_after: range.due_after, due_before: range.due_before, ..TimeRange::default() }) {
            return (Within::Any, Vec::new());
        }
        let (first, last) = id_range(range.created_after, range.created_before);
        let since = Value::Int(range.updated_after.map_or(i64::MIN, Timestamp::millis));
        let until = Value::Int(range.updated_before.map_or(i64::MAX, Timestamp::millis));
        (Within::Ranges, vec![first.into(), last.into(), since, until])
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
            Order::Changed | Order::Due => ScanOrder::Oldest,
        };
        match page.after {
            Some(Position::Newest(after)) => last = last.min(preceding_id(after)),
            Some(Position::Changed(_, after) | Position::Due(_, after)) => {
                first = first.max(Ulid(after.0.saturating_add(1)))
            }
            None => {}
        }
        let bounds = vec![first.into(), last.into()];
        let limit = limit_with_overfetch(page);
        Self { organization, scan_order, residual_bounds: false, bounds, due_range: None, filters, limit }
    }

    /// Returns the statement of a page that scans at most `scan_limit` rows.
    pub(crate) fn statement(
        &self,
        cache: &StatementCache<ListPlan>,
        source: Source<'_>,
        scan_limit: usize,
    ) -> ListStatement {
        let counts: Vec<usize> = self.filters.iter().map(Vec::len).collect();
        let has_due_range = self.due_range.is_some();
        let plan =
            ListPlan::new(self.scan_order, self.residual_bounds, has_due_range, source.filters, &counts, scan_limit);
        let (values, has_row_kinds) = (self.values(&plan, source.filters), plan.has_row_kinds());
        ListStatement { sql: cache.get(plan, |plan| plan.sql(source)), values, has_row_kinds }
    }

    fn values(&self, plan: &ListPlan, filters: &[Filter]) -> Vec<Value<'static>> {
        let mut values = vec![self.organization.clone(), Value::Int(self.limit)];
        values.extend(self.bounds.iter().cloned());
        values.extend(self.due_range.iter().flatten().cloned());
        let wanted = |filter: &usize| self.filters.get(*filter).map_or(&[][..], Vec::as_slice);
        if let Some((driver, slots)) = &plan.driver {
            // Unused slots get the empty text, which no filter column ever has.
            values.extend(wanted(driver).iter().cloned().chain(std::iter::repeat(Value::text(""))).take(*slots));
        }
        for (filter, _) in &plan.residual {
            match filters[*filter].comparison {
                Comparison::OneOf => values.push(value_list(wanted(filter).iter().filter_map(Value::as_text)).into()),
                Comparison::AtLeast => values.extend(wanted(filter).iter().cloned()),
            }
        }
        values
    }
}

/// Returns the first due date of a page, and the one that it ends before.
fn due_range(page: &PageRequest) -> [i64; 2] {
    let range = page.time_range;
    [range.due_after.map_or(i64::MIN, Timestamp::millis), range.due_before.map_or(i64::MAX, Timestamp::millis)]
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
