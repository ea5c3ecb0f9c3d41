//! A slice of a collection as bounds and values.

use std::sync::Arc;

use kernel::{Order, PageRequest, Position, Timestamp};
use ulid::Ulid;

use crate::{
    engine::{Sql, Value},
    shape::{Shape, Source, Walk},
    texts::Texts,
};

/// What a list is asked for.
#[derive(Clone, Debug)]
pub(crate) struct Slice {
    pub(crate) organization: Value<'static>,
    pub(crate) walk: Walk,
    /// Whether the bounds that no range of an index keeps leave anything out.
    narrowed: bool,
    pub(crate) bounds: Vec<Value<'static>>,
    /// The values of each filter.
    pub(crate) filters: Vec<Vec<Value<'static>>>,
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
        let (walk, narrowed, bounds) = match page.order {
            Order::Newest => {
                if let Some(Position::Newest(after)) = page.after {
                    last = last.min(before(after));
                }
                match within {
                    (None, None) => (Walk::Newest, false, vec![first.into(), last.into()]),
                    (since, before) => {
                        // No record is changed before it is created.
                        last = last.min(created(None, before).1);
                        let since = Value::Int(since.map_or(i64::MIN, Timestamp::millis));
                        (Walk::NewestWithin, true, vec![first.into(), last.into(), since, until])
                    }
                }
            }
            Order::Changed => {
                let start = (within.0.map_or(i64::MIN, Timestamp::millis), String::new());
                let (moment, id) = match page.after {
                    Some(Position::Changed(moment, id)) => start.max((moment.millis(), id.to_string())),
                    _ => start,
                };
                let narrowed = (first, last) != created(None, None);
                (Walk::Changed, narrowed, vec![Value::Int(moment), Value::from(id), until, first.into(), last.into()])
            }
        };
        Self { organization, walk, narrowed, bounds, filters, limit: overfetched(page) }
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
        let bounds = vec![first.into(), last.into()];
        Self { organization, walk, narrowed: false, bounds, filters, limit: overfetched(page) }
    }

    /// The statement of a list that looks at `reach` rows at most, asked by this `process`, and its values.
    pub(crate) fn statement(
        &self,
        texts: &Texts<Shape>,
        source: Source<'_>,
        reach: usize,
        process: Ulid,
    ) -> (Arc<Sql>, Vec<Value<'static>>) {
        let counts: Vec<usize> = self.filters.iter().map(Vec::len).collect();
        let shape = Shape::of(self.walk, self.narrowed, source.filters, &counts, reach);
        let mut values = self.values(&shape);
        values.push(process.into());
        (texts.get(shape, |shape| shape.sql(source)), values)
    }

    fn values(&self, shape: &Shape) -> Vec<Value<'static>> {
        let mut values = vec![self.organization.clone(), Value::Int(self.limit)];
        values.extend(self.bounds.iter().cloned());
        for (place, places) in shape.lead.iter().chain(&shape.others) {
            let given = self.filters.get(*place).map_or(&[][..], Vec::as_slice);
            // Places too many hold the empty text, which no filter's column ever does.
            values.extend(given.iter().cloned().chain(std::iter::repeat(Value::text(""))).take(*places));
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
