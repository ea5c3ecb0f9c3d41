//! The fields of a record as the audit log lists them.

use super::{Record, encoding::Encoder, value::ScalarValue};
use crate::{entry::FieldValue, fields::AuditFields, id::IdText};

impl<R: Record> AuditFields for R {
    fn fields(&self) -> Vec<(&'static str, FieldValue)> {
        struct Collector(Vec<FieldValue>);
        impl<'r> Encoder<'r> for Collector {
            fn put(&mut self, value: ScalarValue<'r>) {
                self.0.push(value.into());
            }
        }
        let mut collector = Collector(Vec::with_capacity(R::COLUMNS.len()));
        self.encode(&mut collector);
        R::COLUMNS.iter().map(|column| column.label).zip(collector.0).collect()
    }
}

impl From<ScalarValue<'_>> for FieldValue {
    fn from(value: ScalarValue<'_>) -> Self {
        match value {
            ScalarValue::Null => Self::Null,
            ScalarValue::Text(text) => Self::Text(text.to_owned()),
            ScalarValue::Name(name) => Self::Text(name.to_owned()),
            ScalarValue::Integer(number) => Self::Integer(number),
            ScalarValue::Timestamp(time) => Self::Text(time.to_string()),
            ScalarValue::Id(prefix, ulid) => Self::Text(IdText(prefix, ulid).to_string()),
            ScalarValue::Ids(prefix, ulids) => {
                Self::Texts(ulids.iter().map(|ulid| IdText(prefix, *ulid).to_string()).collect())
            }
            ScalarValue::Groups(groups) => Self::Texts(groups.text().lines().map(str::to_owned).collect()),
        }
    }
}
