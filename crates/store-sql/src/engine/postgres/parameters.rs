//! Values on their way to PostgreSQL, in the binary form of the type each place has.

use std::error::Error;

use bytes::{BufMut as _, BytesMut};
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use crate::engine::{Bulk, Cell, Value};

type Encoded = Result<IsNull, Box<dyn Error + Sync + Send>>;

/// What a statement is given.
pub(super) type Parameter<'v> = &'v (dyn ToSql + Sync);

impl ToSql for Value<'_> {
    fn to_sql(&self, place: &Type, out: &mut BytesMut) -> Encoded {
        match self {
            Self::Null => return Ok(IsNull::Yes),
            Self::Int(number) => integer(*number, place, out)?,
            Self::Text(text) => out.put_slice(text.as_bytes()),
            Self::Ulid(text) => out.put_slice(text),
            Self::Blob(bytes) => out.put_slice(bytes),
        }
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        // What a place takes depends on the value: a wrong one is found by its encoding or by the server.
        true
    }

    to_sql_checked!();
}

fn integer(number: i64, place: &Type, out: &mut BytesMut) -> Result<(), Box<dyn Error + Sync + Send>> {
    match *place {
        Type::INT8 => out.put_i64(number),
        Type::INT4 => out.put_i32(number.try_into()?),
        Type::INT2 => out.put_i16(number.try_into()?),
        _ => return Err(format!("a number where {place} is to be").into()),
    }
    Ok(())
}

pub(super) fn of_row<'v>(values: &'v [Value<'_>]) -> Vec<Parameter<'v>> {
    values.iter().map(|value| value as Parameter<'v>).collect()
}

/// The rows as one array for each column.
pub(super) fn of_rows<'v>(bulk: &Bulk, rows: &'v [Vec<Value<'_>>]) -> Vec<Box<dyn ToSql + Sync + Send + 'v>> {
    let array = |(place, cell): (usize, &Cell)| -> Box<dyn ToSql + Sync + Send + 'v> {
        let values = rows.iter().map(move |row| row.get(place).unwrap_or(&Value::Null));
        match cell {
            Cell::Text => Box::new(values.map(Value::as_text).collect::<Vec<_>>()),
            Cell::Int => Box::new(values.map(Value::as_int).collect::<Vec<_>>()),
            Cell::Blob => Box::new(values.map(Value::as_blob).collect::<Vec<_>>()),
        }
    };
    bulk.cells.iter().enumerate().map(array).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(value: &Value<'_>, place: &Type) -> Option<Vec<u8>> {
        let mut out = BytesMut::new();
        match value.to_sql_checked(place, &mut out) {
            Ok(IsNull::No) => Some(out.to_vec()),
            Ok(IsNull::Yes) => Some(Vec::new()),
            Err(_) => None,
        }
    }

    #[test]
    fn a_number_takes_the_width_of_its_place() {
        assert_eq!(encoded(&Value::Int(7), &Type::INT8), Some(vec![0, 0, 0, 0, 0, 0, 0, 7]));
        assert_eq!(encoded(&Value::Int(7), &Type::INT4), Some(vec![0, 0, 0, 7]));
        assert_eq!(encoded(&Value::Int(1 << 40), &Type::INT4), None);
        assert_eq!(encoded(&Value::Int(7), &Type::TEXT), None);
    }
}
