//! A list query: the bound values of one page or stream of a collection.

use std::sync::Arc;

use kernel::{Order, PageRequest, Position, Timestamp};
use ulid::Ulid;

use crate::{
    engine::{Sql, Value},
    shape::{Shape, Source, Walk},
    texts::Texts,
};

/// The bound values of a list query.
#[derive(Clone, Debug)]
pub(crate) struct Slice {
    pub(crate) organization: Value<'static>,
    pub(crate) walk: Walk,
    /// Whether there are bounds that no index range enforces and that exclude anything.
    narrowed: bool,
    pub(crate) bounds: Vec<Value<'static>>,
    /// The accepted values of each filter.
    pub(crate) filters: Vec<Vec<Value<'static>>>,
    limit: i64,
}

impl Slice {
    /// Creates the query of records, which change.
    pub(crate) fn of_records(
        organization: Value<'static>,
        filters: Vec<Vec<Value<'static>>>,
        page: &PageRequest,
    ) -> Self {
        let (first, mut last) = created(page.time_range.created_after, page.time_range.created_before);
        let updated = (page.time_range.updated_after, page.time_range.updated_before);
        let until = Value::Int(updated.1.map_or(i64::MAX, Timestamp::millis));
        let (scan_order, residual_bounds, bounds) = match page.order {
            Order::Newest => {
                if let Some(Position::Newest(after)) = page.after {
                    last = last.min(before(after));
                }
                match updated {
                    (None, None) => (Walk::Newest, false, vec![first.into(), last.into()]),
                    (since, before) => {
                        // A record is never updated before it is created.
                        last = last.min(created(None, before).1);
                        let since = Value::Int(since.map_or(i64::MIN, Timestamp::millis));
                        (Walk::NewestWithin, true, vec![first.into(), last.into(), since, until])
                    }
                }
            }
            Order::Changed => {
                let start = (updated.0.map_or(i64::MIN, Timestamp::millis), String::new());
                let (moment, id) = match page.after {
                    Some(Position::Changed(moment, id)) => start.max((moment.millis(), id.to_string())),
                    _ => start,
                };
                let residual_bounds = (first, last) != created(None, None);
                (
                    Walk::Changed,
                    residual_bounds,
                    vec![Value::Int(moment), Value::from(id), until, first.into(), last.into()],
                )
            }
        };
        Self { organization, walk: scan_order, narrowed: residual_bounds, bounds, filters, limit: overfetched(page) }
    }

    /// Creates the query of entries. They never change, so both orders and both time ranges are ranges of identifiers.
    pub(crate) fn of_entries(
        organization: Value<'static>,
        filters: Vec<Vec<Value<'static>>>,
        page: &PageRequest,
    ) -> Self {
        let window = page.time_range;
        let since = window.created_after.max(window.updated_after);
        let until = match (window.created_before, window.updated_before) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        let (mut first, mut last) = created(since, until);
        let scan_order = match page.order {
            Order::Newest => Walk::Newest,
            Order::Changed => Walk::Oldest,
        };
        match page.after {
            Some(Position::Newest(after)) => last = last.min(before(after)),
            Some(Position::Changed(_, after)) => first = first.max(Ulid(after.0.saturating_add(1))),
            None => {}
        }
        let bounds = vec![first.into(), last.into()];
        Self { organization, walk: scan_order, narrowed: false, bounds, filters, limit: overfetched(page) }
    }

    /// Returns the statement of a page that scans at most `scan_limit` rows, and its values. `process` identifies the
    /// registration of this process.
    pub(crate) fn statement(
        &self,
        cache: &Texts<Shape>,
        source: Source<'_>,
        scan_limit: usize,
        process: Ulid,
    ) -> (Arc<Sql>, Vec<Value<'static>>) {
        let counts: Vec<usize> = self.filters.iter().map(Vec::len).collect();
        let plan = Shape::of(self.walk, self.narrowed, source.filters, &counts, scan_limit);
        let mut values = self.values(&plan);
        values.push(process.into());
        (cache.get(plan, |plan| plan.sql(source)), values)
    }

    fn values(&self, plan: &Shape) -> Vec<Value<'static>> {
        let mut values = vec![self.organization.clone(), Value::Int(self.limit)];
        values.extend(self.bounds.iter().cloned());
        for (filter, slots) in plan.lead.iter().chain(&plan.others) {
            let wanted = self.filters.get(*filter).map_or(&[][..], Vec::as_slice);
            // Unused slots get the empty text, which no filter column ever has.
            values.extend(wanted.iter().cloned().chain(std::iter::repeat(Value::text(""))).take(*slots));
        }
        values
    }
}

fn overfetched(page: &PageRequest) -> i64 {
    i64::try_from(page.limit.get()).map_or(i64::MAX, |limit| limit + 1)
}

/// Returns the first and last identifier of records created in this range. In an empty range the first is greater.
fn created(since: Option<Timestamp>, until: Option<Timestamp>) -> (Ulid, Ulid) {
    let at = |moment: Timestamp| Ulid::from_parts(u64::try_from(moment.millis()).unwrap_or(0), 0);
    let first = since.map_or(Ulid::nil(), at);
    match until.map(at) {
        None => (first, Ulid::max()),
        Some(end) if end.is_nil() => (Ulid(1), Ulid::nil()),
        Some(end) => (first, before(end)),
    }
}

fn before(id: Ulid) -> Ulid {
    Ulid(id.0.saturating_sub(1))
}
