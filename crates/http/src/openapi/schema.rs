//! JSON Schemas that the schemas of several records share.

use serde_json::Value;
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};

/// Returns the schema of a string enum.
#[must_use]
pub fn enum_schema<T: Copy>(all: &[T], name: fn(T) -> &'static str) -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::new(Type::String))
        .enum_values(Some(all.iter().map(|item| Value::from(name(*item)))))
        .build()
}

/// Returns the schema of a string enum that can be null.
#[must_use]
pub fn nullable_enum_schema<T: Copy>(all: &[T], name: fn(T) -> &'static str) -> Object {
    let values = all.iter().map(|item| Value::from(name(*item))).chain([Value::Null]);
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
        .enum_values(Some(values))
        .build()
}
