//! The representation of records that state their fields with `record!`: JSON, schema, example and filters are read
//! from the statement.

mod json;
mod list;
mod name;
mod schema;

use http_api::request::Query;
use kernel::{ColumnType, Comparison, Filter, Record, Stored};
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::view::{View, example_id, example_timestamp};
use json::write_record;
pub(crate) use list::{Parent, list_register, list_register_document, parent};
use name::Names;
use schema::{filter_schema, record_schema};

/// A record whose representation follows from its statement. The names are those of the domain in the API's letter
/// case; where the contract has another name, override it.
pub(crate) trait RecordView: Record {
    /// The JSON key of one record.
    const SINGULAR: &'static str = Names::<Self>::SINGULAR.as_str();
    /// The JSON key of a list of records.
    const PLURAL: &'static str = Names::<Self>::PLURAL.as_str();
    /// The component name of the record's schema in the OpenAPI document.
    const COMPONENT: &'static str = Names::<Self>::COMPONENT.as_str();
    /// Whether single records can be read.
    const HAS_GET: bool = true;
    /// The name of the path parameter of a single record, if it is not the JSON key with `Id`.
    const ID_PARAMETER: Option<&'static str> = None;
    /// The parent that the path of the list names, if the list is that of one parent.
    const PARENT: Option<Parent> = None;
    /// Distinguishes the identifier of the example from those of other records' examples.
    const EXAMPLE_NUMBER: u128 = 2;
}

impl<R: RecordView> View for R {
    const SINGULAR: &'static str = <R as RecordView>::SINGULAR;
    const PLURAL: &'static str = <R as RecordView>::PLURAL;
    const COMPONENT: &'static str = R::COMPONENT;
    type Dto<'a> = RecordDto<'a, R>;

    fn to_dto(stored: &Stored<Self>) -> RecordDto<'_, R> {
        RecordDto(stored)
    }

    fn write(stored: &Stored<Self>, out: &mut Vec<u8>) {
        write_record(stored, out);
    }

    fn schema() -> Value {
        record_schema::<R>()
    }

    fn filter(query: &mut Query<'_>) -> Filter<R> {
        let mut accepted = Filter::default();
        for (index, column, filter) in Filter::<R>::columns() {
            if R::PARENT.is_some_and(|parent| parent.column == column.name) {
                continue;
            }
            let name = Names::<R>::FILTERS[index].as_str();
            let schema = || filter_schema(column);
            let single = match (filter.comparison, filter.required) {
                (Comparison::OneOf, false) => {
                    let values = match column.column_type {
                        ColumnType::Text { .. } => query.list(name, column.description, schema, column.parse),
                        _ => query.choices(name, column.description, schema, column.parse),
                    };
                    accepted.set(index, values);
                    continue;
                }
                (_, true) => query.required(name, column.description, schema, column.parse),
                (Comparison::AtLeast, false) => query.optional(name, column.description, schema, column.parse),
            };
            accepted.set(index, single);
        }
        accepted
    }

    fn example() -> Stored<Self> {
        Stored::new(example_id(1), example_id(R::EXAMPLE_NUMBER), example_timestamp(), <R as Record>::example())
    }
}

/// The name of the collection in operation identifiers, such as `FrameworkVersions`.
pub(crate) fn collection_id<R: Record>() -> &'static str {
    Names::<R>::COLLECTION.as_str()
}

/// A record inside another JSON value. Pages are written by [`View::write`], which is faster.
pub(crate) struct RecordDto<'a, R: Record>(&'a Stored<R>);

impl<R: Record> Serialize for RecordDto<'_, R> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        json::serialize(self.0, serializer)
    }
}
