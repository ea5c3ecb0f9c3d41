//! Encoding of values for PostgreSQL, in the binary form of each parameter's type.

use std::error::Error;

use bytes::{BufMut as _, BytesMut};
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use crate::engine::{BatchStatement, SqlType, Value};

type Encoded = Result<IsNull, Box<dyn Error + Sync + Send>>;

/// A parameter of a statement.
pub(super) type Parameter<'v> = &'v (dyn ToSql + Sync);

impl ToSql for Value<'_> {
    fn to_sql(&self, parameter_type: &Type, out: &mut BytesMut) -> Encoded {
        match self {
            Self::Null => return Ok(IsNull::Yes),
            Self::Int(number) => encode_integer(*number, parameter_type, out)?,
            Self::Text(text) => out.put_slice(text.as_bytes()),
            Self::Ulid(text) => out.put_slice(text),
            Self::Blob(bytes) => out.put_slice(bytes),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        // Whether a type fits depends on the value: a mismatch is detected while encoding it or by the server.
        true
    }

    to_sql_checked!();
}

fn encode_integer(number: i64, parameter_type: &Type, out: &mut BytesMut) -> Result<(), Box<dyn Error + Sync + Send>> {
    match *parameter_type {
        Type::INT8 => out.put_i64(number),
        Type::INT4 => out.put_i32(number.try_into()?),
        Type::INT2 => out.put_i16(number.try_into()?),
        _ => return Err(format!("an integer can't be encoded as {parameter_type}").into()),
    }
    Ok(())
}

pub(super) fn row_parameters<'v>(values: &'v [Value<'_>]) -> Vec<Parameter<'v>> {
    values.iter().map(|value| value as Parameter<'v>).collect()
}

/// Transposes rows into one array per column.
pub(super) fn column_arrays<'v>(
    batch_statement: &BatchStatement,
    rows: &'v [Vec<Value<'_>>],
) -> Vec<Box<dyn ToSql + Sync + Send + 'v>> {
    let array = |(index, column_type): (usize, &SqlType)| -> Box<dyn ToSql + Sync + Send + 'v> {
        let values = rows.iter().map(move |row| row.get(index).unwrap_or(&Value::Null));
        match column_type {
            SqlType::Text => Box::new(values.map(Value::as_text).collect::<Vec<_>>()),
            SqlType::Int => Box::new(values.map(Value::as_int).collect::<Vec<_>>()),
            SqlType::Blob => Box::new(values.map(Value::as_blob).collect::<Vec<_>>()),
        }
    };
    batch_statement.sql_types.iter().enumerate().map(array).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(value: &Value<'_>, parameter_type: &Type) -> Option<Vec<u8>> {
        let mut out = BytesMut::new();
        match value.to_sql_checked(parameter_type, &mut out) {
            Ok(IsNull::No) => Some(out.to_vec()),
            Ok(IsNull::Yes) => Some(Vec::new()),
            Err(_) => None,
        }
    }

    #[test]
    fn an_integer_is_encoded_with_the_width_of_its_parameter_type() {
        assert_eq!(encoded(&Value::Int(7), &Type::INT8), Some(vec![0, 0, 0, 0, 0, 0, 0, 7]));
        assert_eq!(encoded(&Value::Int(7), &Type::INT4), Some(vec![0, 0, 0, 7]));
        assert_eq!(encoded(&Value::Int(1 << 40), &Type::INT4), None);
        assert_eq!(encoded(&Value::Int(7), &Type::TEXT), None);
    }
}
