//! A slice of a collection as bounds and values.

use std::sync::Arc;

use kernel::{Order, PageRequest, Position, Timestamp};
use ulid::Ulid;

use crate::{
    engine::{Column, Sql, Value},
    shape::{Shape, Walk},
    statements::padded,
    table::Filter,
    texts::Texts,
};

/// What a list is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Slice {
    organization: Value<'static>,
    walk: Walk,
    bounds: Vec<Value<'static>>,
    /// The values of each filter.
    filters: Vec<Vec<Value<'static>>>,
    limit: i64,
}

impl Slice {
    /// Of records, which change.
    pub(crate) fn of_records(
        organization: Value<'static>,
        filters: Vec<Vec<Value<'static>>>,
        page: &PageRequest,
    ) -> Self {
        let (first, mut last) = created(page.window.created_after, page.window.created_before);
        let within = (page.window.updated_after, page.window.updated_before);
        let until = Value::Int(within.1.map_or(i64::MAX, Timestamp::millis));
        let (walk, bounds) = match page.order {
            Order::Newest => {
                if let Some(Position::Newest(after)) = page.after {
                    last = last.min(before(after));
                }
                match within {
                    (None, None) => (Walk::Newest, vec![first.into(), last.into()]),
                    (since, before) => {
                        // No record is changed before it is created.
                        last = last.min(created(None, before).1);
                        let since = Value::Int(since.map_or(i64::MIN, Timestamp::millis));
                        (Walk::NewestWithin, vec![first.into(), last.into(), since, until])
                    }
                }
            }
            Order::Changed => {
                let start = (within.0.map_or(i64::MIN, Timestamp::millis), String::new());
                let (moment, id) = match page.after {
                    Some(Position::Changed(moment, id)) => start.max((moment.millis(), id.to_string())),
                    _ => start,
                };
                (Walk::Changed, vec![Value::Int(moment), Value::from(id), until, first.into(), last.into()])
            }
        };
        Self { organization, walk, bounds, filters, limit: overfetched(page) }
    }

    /// Of what never changes, so that both orders and both windows go by identifier.
    pub(crate) fn of_entries(
        organization: Value<'static>,
        filters: Vec<Vec<Value<'static>>>,
        page: &PageRequest,
    ) -> Self {
        let window = page.window;
        let since = window.created_after.max(window.updated_after);
        let until = match (window.created_before, window.updated_before) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        let (mut first, mut last) = created(since, until);
        let walk = match page.order {
            Order::Newest => Walk::Newest,
            Order::Changed => Walk::Oldest,
        };
        match page.after {
            Some(Position::Newest(after)) => last = last.min(before(after)),
            Some(Position::Changed(_, after)) => first = first.max(Ulid(after.0.saturating_add(1))),
            None => {}
        }
        Self { organization, walk, bounds: vec![first.into(), last.into()], filters, limit: overfetched(page) }
    }

    pub(crate) fn statement(
        &self,
        texts: &Texts<Shape>,
        table: &'static str,
        columns: &[Column],
        filters: &[Filter],
    ) -> (Arc<Sql>, Vec<Value<'static>>) {
        let counts: Vec<usize> = self.filters.iter().map(Vec::len).collect();
        let shape = Shape::of(self.walk, filters, &counts);
        let values = self.values(&shape);
        (texts.get(shape, |shape| shape.sql(table, columns, filters)), values)
    }

    fn values(&self, shape: &Shape) -> Vec<Value<'static>> {
        let of = |place: usize| self.filters.get(place).map_or(&[][..], Vec::as_slice);
        let mut values = Vec::new();
        let (lead, ranges) = shape.lead.map_or((None, 1), |(place, ranges)| (Some(of(place)), ranges));
        for range in 0..ranges {
            values.push(self.organization.clone());
            if let Some(lead) = lead {
                // A range too many is that of the empty text, which no filter's column ever holds.
                values.push(lead.get(range).cloned().unwrap_or(Value::text("")));
            }
            values.extend(self.bounds.iter().cloned());
            for (place, _) in &shape.others {
                values.extend(padded(of(*place).iter().cloned()));
            }
            values.push(Value::Int(self.limit));
        }
        if ranges > 1 {
            values.push(Value::Int(self.limit));
        }
        values
    }
}

fn overfetched(page: &PageRequest) -> i64 {
    i64::try_from(page.limit.get()).map_or(i64::MAX, |limit| limit + 1)
}

/// The first and last identifier that records created in this window can have; the first after the last for an empty one.
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
