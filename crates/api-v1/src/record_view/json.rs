//! The JSON of a record.

use std::io::Write as _;

use http_api::response::{AsText, write_json, write_json_string};
use kernel::{Encoder, Groups, IdText, OwnedScalar, Record, ScalarValue, Stored};
use serde::{Serialize, Serializer, ser::SerializeMap};

use super::name::{Name, Names, camel_case};

/// Writes the record at the end of `out`, without going through `serde`: the names of members are bytes already.
pub(super) fn write_record<R: Record>(stored: &Stored<R>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"id\":");
    write_text(out, stored.meta.id);
    stored.record.encode(&mut ObjectWriter { out, members: Names::<R>::MEMBERS.iter() });
    out.extend_from_slice(b",\"createdAt\":");
    write_text(out, stored.meta.created_at);
    out.extend_from_slice(b",\"updatedAt\":");
    write_text(out, stored.meta.updated_at);
    out.push(b'}');
}

struct ObjectWriter<'o> {
    out: &'o mut Vec<u8>,
    members: std::slice::Iter<'static, Name>,
}

impl<'r> Encoder<'r> for ObjectWriter<'_> {
    #[inline]
    fn put(&mut self, value: ScalarValue<'r>) {
        if let Some(member) = self.members.next() {
            self.out.extend_from_slice(member.as_bytes());
        }
        write_value(self.out, value);
    }
}

#[inline]
fn write_value(out: &mut Vec<u8>, value: ScalarValue<'_>) {
    match value {
        ScalarValue::Null => out.extend_from_slice(b"null"),
        ScalarValue::Text(text) => write_json_string(out, text),
        ScalarValue::Name(name) => write_plain(out, name),
        ScalarValue::Integer(number) => write_json(out, &number),
        ScalarValue::Timestamp(time) => write_text(out, time),
        ScalarValue::Id(prefix, ulid) => write_text(out, IdText(prefix, ulid)),
        ScalarValue::Ids(prefix, ulids) => {
            out.push(b'[');
            for (index, ulid) in ulids.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_text(out, IdText(prefix, *ulid));
            }
            out.push(b']');
        }
        ScalarValue::Groups(groups) => write_groups(out, groups),
    }
}

fn write_groups(out: &mut Vec<u8>, groups: &Groups) {
    out.push(b'[');
    for (index, row) in groups.rows().iter().enumerate() {
        out.extend_from_slice(if index > 0 { b",{" } else { b"{" });
        for (position, (label, value)) in groups.labels().iter().zip(row).enumerate() {
            if position > 0 {
                out.push(b',');
            }
            write_plain(out, &camel_case(label));
            out.push(b':');
            write_value(out, value.as_value());
        }
        out.push(b'}');
    }
    out.push(b']');
}

/// Writes a text in which nothing needs to be escaped.
fn write_plain(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}

fn write_text(out: &mut Vec<u8>, value: impl std::fmt::Display) {
    out.push(b'"');
    // Writing into memory does not fail.
    let _ = write!(out, "{value}");
    out.push(b'"');
}

/// Serializes the record as a part of another value.
pub(super) fn serialize<R: Record, S: Serializer>(stored: &Stored<R>, serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry("id", &AsText(stored.meta.id))?;
    let mut fields = MapWriter { map: &mut map, names: Names::<R>::COLUMNS.iter(), outcome: Ok(()) };
    stored.record.encode(&mut fields);
    fields.outcome?;
    map.serialize_entry("createdAt", &AsText(stored.meta.created_at))?;
    map.serialize_entry("updatedAt", &AsText(stored.meta.updated_at))?;
    map.end()
}

struct MapWriter<'m, M: SerializeMap> {
    map: &'m mut M,
    names: std::slice::Iter<'static, Name>,
    outcome: Result<(), M::Error>,
}

impl<'r, M: SerializeMap> Encoder<'r> for MapWriter<'_, M> {
    fn put(&mut self, value: ScalarValue<'r>) {
        let Some(name) = self.names.next().map(Name::as_str) else { return };
        if self.outcome.is_ok() {
            self.outcome = self.map.serialize_entry(name, &SerializedValue(value));
        }
    }
}

struct SerializedValue<'r>(ScalarValue<'r>);

impl Serialize for SerializedValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            ScalarValue::Null => serializer.serialize_none(),
            ScalarValue::Text(text) => serializer.serialize_str(text),
            ScalarValue::Name(name) => serializer.serialize_str(name),
            ScalarValue::Integer(number) => serializer.serialize_i64(number),
            ScalarValue::Timestamp(time) => serializer.collect_str(&time),
            ScalarValue::Id(prefix, ulid) => serializer.collect_str(&IdText(prefix, ulid)),
            ScalarValue::Ids(prefix, ulids) => {
                serializer.collect_seq(ulids.iter().map(|ulid| AsText(IdText(prefix, *ulid))))
            }
            ScalarValue::Groups(groups) => {
                serializer.collect_seq(groups.rows().iter().map(|row| SerializedGroup(groups.labels(), row)))
            }
        }
    }
}

struct SerializedGroup<'r>(&'static [&'static str], &'r [OwnedScalar]);

impl Serialize for SerializedGroup<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let members = self.0.iter().zip(self.1);
        serializer.collect_map(members.map(|(label, value)| (camel_case(label), SerializedValue(value.as_value()))))
    }
}

#[cfg(test)]
mod tests {
    use evidence::{AttachedFile, EvidenceAttachment, EvidenceClaim};
    use findings::Finding;

    use super::*;
    use crate::view::View;

    #[test]
    fn a_record_is_written_as_it_is_serialized() {
        assert_is_written_as_serialized(&<Finding as View>::example());
        let claim = <EvidenceClaim as View>::example();
        assert_is_written_as_serialized(&claim);
        let mut with_attachments = claim;
        let attachment = AttachedFile::from_attachment(&kernel::Stored::new(
            with_attachments.meta.organization,
            kernel::Id::new(kernel::Ulid(9)),
            with_attachments.meta.created_at,
            EvidenceAttachment::example(),
        ));
        with_attachments.record.attachments = [attachment.clone(), attachment].into_iter().collect();
        assert_is_written_as_serialized(&with_attachments);
    }

    fn assert_is_written_as_serialized<R: crate::record_view::RecordView>(stored: &kernel::Stored<R>) {
        let mut written = Vec::new();
        write_record(stored, &mut written);
        let mut serialized = Vec::new();
        write_json(&mut serialized, &R::to_dto(stored));
        assert_eq!(String::from_utf8(written), String::from_utf8(serialized));
    }
}
