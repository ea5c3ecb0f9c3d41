//! The JSON Schema of a record and of its filters.

use http_api::request::{id_schema, text_schema, timestamp_schema};
use kernel::{Column, ColumnType, Record};
use serde_json::{Map, Value, json};

use super::name::{Names, camel_case};

/// The schema of the record's JSON.
pub(super) fn record_schema<R: Record>() -> Value {
    let time = json!({ "type": "string", "format": "date-time" });
    let mut properties = Map::new();
    properties.insert("id".to_owned(), json!({ "type": "string" }));
    for (column, name) in R::COLUMNS.iter().zip(Names::<R>::COLUMNS) {
        properties.insert(name.as_str().to_owned(), column_schema(column));
    }
    properties.insert("createdAt".to_owned(), time.clone());
    properties.insert("updatedAt".to_owned(), time);
    let names: Vec<&str> = R::COLUMNS.iter().zip(Names::<R>::COLUMNS).map(|(_, name)| name.as_str()).collect();
    let required: Vec<&str> = ["id"].into_iter().chain(names).chain(["createdAt", "updatedAt"]).collect();
    json!({ "type": "object", "required": required, "properties": properties })
}

fn column_schema(column: &Column) -> Value {
    let mut schema = match column.column_type {
        ColumnType::Text { .. } | ColumnType::Id(_) => json!({ "type": "string" }),
        ColumnType::Name(names) => json!({ "type": "string", "enum": names }),
        ColumnType::Integer => json!({ "type": "integer" }),
        ColumnType::Timestamp => json!({ "type": "string", "format": "date-time" }),
        ColumnType::Ids(_) => json!({ "type": "array", "items": { "type": "string" } }),
        ColumnType::Groups => json!({ "type": "array", "items": group_schema(column.group) }),
    };
    if column.nullable {
        schema["type"] = json!([schema["type"], "null"]);
        if let Some(Value::Array(names)) = schema.get_mut("enum") {
            names.push(Value::Null);
        }
    }
    schema["description"] = json!(column.description);
    schema
}

/// The schema of one group of a list.
fn group_schema(columns: &[Column]) -> Value {
    let members = columns.iter().map(|column| (camel_case(column.label), column_schema(column)));
    let properties: Map<String, Value> = members.collect();
    let required: Vec<String> = columns.iter().map(|column| camel_case(column.label)).collect();
    json!({ "type": "object", "required": required, "properties": properties })
}

/// The schema of one value of the column's filter.
pub(super) fn filter_schema(column: &Column) -> Value {
    match column.column_type {
        ColumnType::Text { min, max, rule, pattern } => text_schema(min, max, pattern, rule),
        ColumnType::Name(names) => json!({ "type": "string", "enum": names }),
        ColumnType::Integer => json!({ "type": "integer" }),
        ColumnType::Timestamp => timestamp_schema(),
        ColumnType::Id(prefix) | ColumnType::Ids(prefix) => id_schema(prefix),
        ColumnType::Groups => group_schema(column.group),
    }
}
