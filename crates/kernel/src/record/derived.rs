//! The values that only the server sets, when a record is replaced by an imported one.

use std::fmt::Display;

use ulid::Ulid;

use super::{
    Record,
    encoding::{Decoder, Encoder},
    value::ScalarValue,
};
use crate::timestamp::Timestamp;

/// Returns the record with the derived values of `current`.
pub(super) fn with_derived_from<R: Record>(record: R, current: &R) -> R {
    if !R::COLUMNS.iter().any(|column| column.is_derived) {
        return record;
    }
    let values = values(&record).into_iter().zip(values(current)).zip(R::COLUMNS);
    let values: Vec<_> = values.map(|((own, other), column)| if column.is_derived { other } else { own }).collect();
    let merged = R::decode(&mut Values { values: values.into_iter() });
    merged.unwrap_or_else(|Absent| record.clone())
}

/// The values of the record's columns, in their order.
pub(super) fn values<R: Record>(record: &R) -> Vec<ScalarValue<'_>> {
    struct Collector<'r>(Vec<ScalarValue<'r>>);
    impl<'r> Encoder<'r> for Collector<'r> {
        fn put(&mut self, value: ScalarValue<'r>) {
            self.0.push(value);
        }
    }
    let mut collector = Collector(Vec::with_capacity(R::COLUMNS.len()));
    record.encode(&mut collector);
    collector.0
}

/// Supplies values of records, which are valid.
struct Values<'r> {
    values: std::vec::IntoIter<ScalarValue<'r>>,
}

/// A value is absent or of another type than its column, which those of a record never are.
#[derive(Debug)]
struct Absent;

impl<'r> Values<'r> {
    fn take<T>(&mut self, convert: impl FnOnce(ScalarValue<'r>) -> Option<T>) -> Result<Option<T>, Absent> {
        match self.values.next() {
            Some(ScalarValue::Null) => Ok(None),
            Some(value) => convert(value).map(Some).ok_or(Absent),
            None => Err(Absent),
        }
    }
}

impl Decoder for Values<'_> {
    type Error = Absent;

    fn text(&mut self) -> Result<Option<&str>, Absent> {
        self.take(ScalarValue::as_str)
    }

    fn invalid(&mut self, _: usize, _: &dyn Display) -> Absent {
        Absent
    }

    fn is_trusted(&self) -> bool {
        true
    }

    fn integer(&mut self) -> Result<Option<i64>, Absent> {
        self.take(|value| if let ScalarValue::Integer(number) = value { Some(number) } else { None })
    }

    fn timestamp(&mut self) -> Result<Option<Timestamp>, Absent> {
        self.take(|value| if let ScalarValue::Timestamp(time) = value { Some(time) } else { None })
    }

    fn id(&mut self, _: &'static str) -> Result<Option<Ulid>, Absent> {
        self.take(ScalarValue::as_id)
    }

    fn ids(&mut self, _: &'static str) -> Result<Option<Vec<Ulid>>, Absent> {
        self.take(|value| if let ScalarValue::Ids(_, ulids) = value { Some(ulids.to_vec()) } else { None })
    }
}

#[cfg(test)]
#[allow(unreachable_pub, reason = "the macros declare public items")]
mod tests {
    use crate::{Decimal, Id, IdList, Record as _, RequestId, Timestamp, Title, record, string_enum};

    record! {
        /// A record with columns of all types.
        #[record(kind = Indicator, prefix = "gauge", plural = "gauges")]
        pub struct Gauge {
            /// The title.
            #[column(example("Pressure"))]
            pub title: Title,
            /// The state.
            #[column(example("on"))]
            pub state: State,
            /// The number.
            #[column(example("3"))]
            pub number: i64,
            /// The time.
            #[column(example("2026-05-25T14:00:00.000Z"))]
            pub at: Timestamp,
            /// One request.
            #[column(example("req_00000000000000000000000001"))]
            pub request: Id<RequestId>,
            /// Several requests.
            #[column(example("req_00000000000000000000000001"))]
            pub requests: IdList<RequestId>,
            /// The latest value.
            #[column(derived, example("1.5"))]
            pub latest: Option<Decimal>,
            /// The time of the latest value.
            #[column(derived)]
            pub latest_at: Option<Timestamp>,
        }
    }

    string_enum! {
        /// A state.
        State {
            /// On.
            On = "on",
            /// Off.
            Off = "off",
        }
    }

    #[test]
    fn only_derived_values_are_taken_from_the_other_record() {
        let at = Timestamp::from_millis(7);
        let current = Gauge { latest_at: Some(at), ..Gauge::example() };
        let new = Gauge {
            title: Title::parse("Level").unwrap(),
            state: State::Off,
            number: -4,
            at,
            requests: IdList::from_ulids(Vec::new()),
            latest: None,
            ..Gauge::example()
        };
        let merged = new.clone().with_derived_from(&current);
        assert_eq!(merged, Gauge { latest: current.latest.clone(), latest_at: Some(at), ..new });
    }
}
