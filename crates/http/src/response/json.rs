//! A JSON writer with the output of `serde_json`, in a fraction of the time. It is optimized for response bodies: a
//! page has thousands of members, whose names need no escaping, and strings in which hardly any byte needs it.

mod text;

use std::{fmt::Display, io::Write as _};

use serde::{
    Serialize, Serializer,
    ser::{Error as _, Impossible, SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple, SerializeTupleStruct},
};

use text::{escape, first_escaped};

#[cfg(test)]
mod tests;

type Error = serde_json::Error;

type WriteResult = Result<(), Error>;

/// Writes a value at the end of `out`.
///
/// # Errors
/// When a map has a key that is not a string, or an enum has a tuple or struct variant. No response body has those.
pub(super) fn write(out: &mut Vec<u8>, value: &(impl Serialize + ?Sized)) -> WriteResult {
    value.serialize(Writer { out })
}

/// Writes a text at the end of `out`.
pub fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    escape(out, text.as_bytes());
    out.push(b'"');
}

struct Writer<'o> {
    out: &'o mut Vec<u8>,
}

impl Writer<'_> {
    fn write_string(&mut self, text: &str) {
        write_string(self.out, text);
    }

    fn write_display(self, value: impl Display) -> WriteResult {
        write!(self.out, "{value}").map_err(Error::custom)
    }
}

/// The writer of an array or object whose opening bracket is written.
struct ContainerWriter<'o> {
    out: &'o mut Vec<u8>,
    has_elements: bool,
    end: &'static str,
}

impl<'o> ContainerWriter<'o> {
    fn open(out: &'o mut Vec<u8>, begin: &str, end: &'static str) -> Self {
        out.extend_from_slice(begin.as_bytes());
        Self { out, has_elements: false, end }
    }

    fn separate(&mut self) {
        if self.has_elements {
            self.out.push(b',');
        }
        self.has_elements = true;
    }

    fn item(&mut self, value: &(impl Serialize + ?Sized)) -> WriteResult {
        self.separate();
        write(self.out, value)
    }

    fn finish(self) -> WriteResult {
        self.out.extend_from_slice(self.end.as_bytes());
        Ok(())
    }
}

macro_rules! serialize_numbers {
    ($($name:ident($number:ty),)*) => {
        $(fn $name(self, value: $number) -> WriteResult {
            self.write_display(value)
        })*
    };
}

impl<'o> Serializer for Writer<'o> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = ContainerWriter<'o>;
    type SerializeTuple = ContainerWriter<'o>;
    type SerializeTupleStruct = ContainerWriter<'o>;
    type SerializeTupleVariant = Impossible<(), Error>;
    type SerializeMap = ContainerWriter<'o>;
    type SerializeStruct = ContainerWriter<'o>;
    type SerializeStructVariant = Impossible<(), Error>;

    serialize_numbers! {
        serialize_bool(bool),
        serialize_i8(i8),
        serialize_i16(i16),
        serialize_i32(i32),
        serialize_i64(i64),
        serialize_u8(u8),
        serialize_u16(u16),
        serialize_u32(u32),
        serialize_u64(u64),
    }

    fn serialize_f32(self, value: f32) -> WriteResult {
        serde_json::to_writer(self.out, &value)
    }

    fn serialize_f64(self, value: f64) -> WriteResult {
        serde_json::to_writer(self.out, &value)
    }

    fn serialize_char(mut self, value: char) -> WriteResult {
        self.write_string(value.encode_utf8(&mut [0; 4]));
        Ok(())
    }

    fn serialize_str(mut self, value: &str) -> WriteResult {
        self.write_string(value);
        Ok(())
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> WriteResult {
        self.out.push(b'"');
        let start = self.out.len();
        write!(self.out, "{value}").map_err(Error::custom)?;
        // Values written this way are usually identifiers or timestamps, which need no escaping.
        if self.out.get(start..).and_then(first_escaped).is_some() {
            let text = self.out.split_off(start);
            escape(self.out, &text);
        }
        self.out.push(b'"');
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> WriteResult {
        self.collect_seq(value)
    }

    fn serialize_none(self) -> WriteResult {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> WriteResult {
        value.serialize(self)
    }

    fn serialize_unit(self) -> WriteResult {
        self.out.extend_from_slice(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> WriteResult {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> WriteResult {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> WriteResult {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> WriteResult {
        let mut members = ContainerWriter::open(self.out, "{", "}");
        SerializeStruct::serialize_field(&mut members, variant, value)?;
        members.finish()
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<ContainerWriter<'o>, Error> {
        Ok(ContainerWriter::open(self.out, "[", "]"))
    }

    fn serialize_tuple(self, _: usize) -> Result<ContainerWriter<'o>, Error> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<ContainerWriter<'o>, Error> {
        self.serialize_seq(None)
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Error> {
        Err(unsupported(name))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<ContainerWriter<'o>, Error> {
        Ok(ContainerWriter::open(self.out, "{", "}"))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<ContainerWriter<'o>, Error> {
        self.serialize_map(None)
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Error> {
        Err(unsupported(name))
    }
}

fn unsupported(name: &str) -> Error {
    Error::custom(format_args!("{name} is an enum with a tuple or struct variant, which this writer does not support"))
}

impl SerializeStruct for ContainerWriter<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> WriteResult {
        self.separate();
        // Field names come from our own types, so they need no escaping.
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
        write(self.out, value)
    }

    fn end(self) -> WriteResult {
        self.finish()
    }
}

impl SerializeMap for ContainerWriter<'_> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> WriteResult {
        self.separate();
        let start = self.out.len();
        write(self.out, key)?;
        if self.out.get(start) == Some(&b'"') { Ok(()) } else { Err(Error::custom("a map key must be a string")) }
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> WriteResult {
        self.out.push(b':');
        write(self.out, value)
    }

    fn end(self) -> WriteResult {
        self.finish()
    }
}

macro_rules! impl_sequences {
    ($($serialize_trait:ident($method:ident),)*) => {
        $(impl $serialize_trait for ContainerWriter<'_> {
            type Ok = ();
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> WriteResult {
                self.item(value)
            }

            fn end(self) -> WriteResult {
                self.finish()
            }
        })*
    };
}
impl_sequences! { SerializeSeq(serialize_element), SerializeTuple(serialize_element), SerializeTupleStruct(serialize_field), }

/// A value that is serialized as its `Display` text.
pub struct AsText<T>(pub T);

impl<T: Display> Serialize for AsText<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}
