//! Pieces of JSON Schema that shapes share.

use serde_json::Value;
use utoipa::openapi::schema::{Object, ObjectBuilder, SchemaType, Type};

/// One of the words of an enum.
pub(crate) fn words<T: Copy>(all: &[T], name: fn(T) -> &'static str) -> Object {
    ObjectBuilder::new()
        .schema_type(SchemaType::new(Type::String))
        .enum_values(Some(all.iter().map(|item| Value::from(name(*item)))))
        .build()
}

/// The same where there may be none.
pub(crate) fn words_or_null<T: Copy>(all: &[T], name: fn(T) -> &'static str) -> Object {
    let words = all.iter().map(|item| Value::from(name(*item))).chain([Value::Null]);
    ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::String, Type::Null])).enum_values(Some(words)).build()
}
