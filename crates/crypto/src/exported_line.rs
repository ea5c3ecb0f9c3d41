//! The lines of an export of the audit log, parsed and hashed without access to the store.
//!
//! A line has one spelling, byte for byte: that of `audit::canonical_json`. So the text that is hashed is the line itself
//! without its member `hash`, and no reader can understand it in another way than this one.

use audit::{Checkpoint, Hash, Head, Link, RedactedEntry, Redaction, Seal, Signature, checkpoint_json, redacted_json};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use kernel::{Entry, Id, OrganizationId};

use crate::canonical_reader::{CanonicalReader, Scalar};

/// One line of an export.
pub(crate) enum Line {
    Entry { organization: OrganizationId, link: Link },
    Checkpoint(Checkpoint),
}

/// Parses a line of an export, without its line feed.
///
/// # Errors
/// If the line is neither an entry, nor what remains of one, nor a checkpoint, or has another spelling than the one that is exported.
pub(crate) fn read(line: &str) -> Result<Line, String> {
    let mut reader = CanonicalReader::new(line);
    let parsed = if line.starts_with("{\"entry\":") {
        read_entry(&mut reader)?
    } else if line.starts_with("{\"redacted\":") {
        read_redacted(&mut reader)?
    } else if line.starts_with("{\"checkpoint\":") {
        Line::Checkpoint(read_checkpoint(&mut reader)?)
    } else {
        return Err("neither {\"entry\":{…}} nor {\"redacted\":{…}} nor {\"checkpoint\":{…}}".to_owned());
    };
    reader.expect("}")?;
    reader.end()?;
    Ok(parsed)
}

fn read_entry(reader: &mut CanonicalReader<'_>) -> Result<Line, String> {
    reader.expect("{\"entry\":")?;
    let start = reader.position();
    reader.expect("{\"action\":")?;
    let action = reader.string()?;
    reader.expect(",\"actor\":{\"id\":")?.optional_string()?;
    reader.expect(",\"kind\":")?.string()?;
    reader.expect(",\"name\":")?.string()?;
    let (removal, redaction) = read_changes(reader.expect("},\"changes\":")?)?;
    let hash_start = reader.position();
    let hash: Hash = reader.expect(",\"hash\":")?.parsed("hash")?;
    let hash_end = reader.position();
    let id = reader.expect(",\"id\":")?.parsed("id")?;
    reader.expect(",\"method\":")?.optional_string()?;
    reader.expect(",\"occurredAt\":")?.timestamp("occurredAt")?;
    let organization = reader.expect(",\"organizationId\":")?.parsed("organizationId")?;
    let previous_hash = reader.expect(",\"previousHash\":")?.parsed("previousHash")?;
    reader.expect(",\"reason\":")?.optional_string()?;
    reader.expect(",\"requestId\":")?.string()?;
    reader.expect(",\"route\":")?.optional_string()?;
    let sequence = reader.expect(",\"sequence\":")?.integer()?;
    reader.expect(",\"sourceAddress\":")?.optional_string()?;
    reader.expect(",\"status\":")?.optional_integer()?;
    reader.expect(",\"subject\":")?;
    let mut redacted_id = None;
    if !reader.skip("null") {
        let id = reader.expect("{\"id\":")?.string()?;
        let kind = reader.expect(",\"type\":")?.string()?;
        redacted_id = id.parse::<Id<Entry>>().ok().filter(|_| kind == audit::REDACTED_SUBJECT);
        reader.expect("}")?;
    }
    reader.expect(",\"userAgent\":")?.optional_string()?;
    // Absent in entries whose time was taken from the clock as it was.
    if reader.skip(",\"wallClock\":") {
        reader.timestamp("wallClock")?;
    }
    reader.expect("}")?;
    let hashed = [reader.text(start..hash_start), reader.text(hash_end..reader.position())].concat();
    let computed = Some(Hash::digest(hashed.as_bytes()));
    let removal = removal.filter(|_| action == audit::ENTRIES_REMOVED.as_str());
    let redaction = redacted_id.zip(redaction).filter(|_| action == audit::ENTRY_REDACTED.as_str());
    let redaction = redaction.map(|(id, entry)| Redaction { id, entry });
    Ok(Line::Entry { organization, link: Link { id, sequence, previous_hash, hash, computed, removal, redaction } })
}

fn read_redacted(reader: &mut CanonicalReader<'_>) -> Result<Line, String> {
    reader.expect("{\"redacted\":")?;
    let start = reader.position();
    let hash = reader.expect("{\"hash\":")?.parsed("hash")?;
    let id = reader.expect(",\"id\":")?.parsed("id")?;
    let organization = reader.expect(",\"organizationId\":")?.parsed("organizationId")?;
    let previous_hash = reader.expect(",\"previousHash\":")?.parsed("previousHash")?;
    let sequence = reader.expect(",\"sequence\":")?.integer()?;
    reader.expect("}")?;
    let redacted = RedactedEntry { id, organization, seal: Seal { sequence, previous_hash, hash } };
    // Identifiers could be spelled in other ways.
    if redacted_json(&redacted) == reader.text(start..reader.position()) {
        Ok(Line::Entry { organization, link: Link::from_redacted(&redacted) })
    } else {
        Err("the redacted entry has another spelling than the one that is exported".to_owned())
    }
}

/// Reads the changes of an entry, and returns the last entry of the removal, and the entry of the redaction, that they would
/// record.
fn read_changes(reader: &mut CanonicalReader<'_>) -> Result<(Option<Head>, Option<Head>), String> {
    let (mut removal, mut redaction) = ((None, None), (None, None));
    reader.expect("[")?;
    let mut is_first = true;
    while !reader.skip("]") {
        reader.expect(if is_first { "{\"after\":" } else { ",{\"after\":" })?;
        let after = reader.value()?;
        reader.expect(",\"before\":")?.value()?;
        let field = reader.expect(",\"field\":")?.string()?;
        reader.expect("}")?;
        // The first change of a field counts, as in `audit::recorded_removal`.
        match field {
            "lastSequence" => removal.0 = removal.0.or(Some(after)),
            "chainHash" => removal.1 = removal.1.or(Some(after)),
            "sequence" => redaction.0 = redaction.0.or(Some(after)),
            "hash" => redaction.1 = redaction.1.or(Some(after)),
            _ => {}
        }
        is_first = false;
    }
    Ok((head(removal), head(redaction)))
}

fn head(members: (Option<Scalar<'_>>, Option<Scalar<'_>>)) -> Option<Head> {
    match members {
        (Some(Scalar::Integer(sequence)), Some(Scalar::String(hash))) => {
            hash.parse().ok().map(|hash| Head { sequence, hash })
        }
        _ => None,
    }
}

fn read_checkpoint(reader: &mut CanonicalReader<'_>) -> Result<Checkpoint, String> {
    reader.expect("{\"checkpoint\":")?;
    let start = reader.position();
    let hash = reader.expect("{\"hash\":")?.parsed("hash")?;
    let organization = reader.expect(",\"organizationId\":")?.parsed("organizationId")?;
    let sequence = reader.expect(",\"sequence\":")?.integer()?;
    let signature = BASE64.decode(reader.expect(",\"signature\":")?.string()?).ok();
    let signature = signature.and_then(|bytes| bytes.try_into().ok()).map(Signature);
    let signature = signature.ok_or("signature is not 64 bytes in base64")?;
    let signed_at = reader.expect(",\"signedAt\":")?.timestamp("signedAt")?;
    reader.expect("}")?;
    let checkpoint = Checkpoint { organization, sequence, hash, signed_at, signature };
    // Identifiers could be spelled in other ways.
    if checkpoint_json(&checkpoint) == reader.text(start..reader.position()) {
        Ok(checkpoint)
    } else {
        Err("the checkpoint has another spelling than the one that is exported".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use audit::{Seal, StoredEntry, canonical_json, hash_entry};
    use kernel::{Action, Actor, ActorKind, Change, Entry, FieldValue, Id, Origin, Subject, Timestamp};
    use proptest::{prelude::*, sample::Index};

    use super::*;

    fn entry() -> Entry {
        Entry {
            id: Id::new("01HZX3V6T9C6Q4W8N2D5K7M1RB".parse().unwrap()),
            organization: OrganizationId::INSTALLATION,
            occurred_at: Timestamp::from_millis(1_779_718_113_000),
            wall_clock: Some(Timestamp::from_millis(1_779_710_913_000)),
            actor: Actor { kind: ActorKind::System, id: None, name: "command \"line\" \u{7} \u{2028} é".into() },
            action: Action::new("finding.updated"),
            subject: None,
            reason: None,
            changes: vec![Change {
                field: "due_at".into(),
                before: FieldValue::Null,
                after: FieldValue::Texts(vec!["a\tb".to_owned(), "/".to_owned()]),
            }],
            origin: Origin {
                request_id: Id::new("01HZX3V6T9C6Q4W8N2D5K7M1RC".parse().unwrap()),
                method: Some("PATCH".into()),
                route: None,
                source_address: None,
                user_agent: Some("curl/8".to_owned()),
            },
            status: Some(200),
        }
    }

    fn exported(entry: Entry) -> (StoredEntry, String) {
        let hash = hash_entry(&entry, 7, Hash([3; 32]));
        let stored = StoredEntry { entry, seal: Some(Seal { sequence: 7, previous_hash: Hash([3; 32]), hash }) };
        let line = format!("{{\"entry\":{}}}", canonical_json(&stored));
        (stored, line)
    }

    fn link(line: &str) -> Link {
        match read(line) {
            Ok(Line::Entry { link, .. }) => link,
            Ok(Line::Checkpoint(_)) => panic!("{line} should be an entry"),
            Err(error) => panic!("{line}: {error}"),
        }
    }

    fn checkpoint() -> String {
        let signature = Signature([5; 64]);
        let at = Timestamp::from_millis(1_779_718_113_000);
        let (organization, hash) = (OrganizationId::INSTALLATION, Hash([4; 32]));
        let checkpoint = Checkpoint { organization, sequence: 7, hash, signed_at: at, signature };
        format!("{{\"checkpoint\":{}}}", checkpoint_json(&checkpoint))
    }

    #[test]
    fn the_hash_of_an_exported_entry_is_computed_from_its_line() {
        let with_subject = Entry {
            subject: Some(Subject { kind: "finding".into(), id: "find_1".into() }),
            wall_clock: None,
            changes: Vec::new(),
            status: None,
            ..entry()
        };
        for entry in [entry(), with_subject] {
            let (stored, line) = exported(entry);
            assert_eq!(Some(link(&line)), Link::from_stored(&stored));
        }
        assert!(matches!(read(&checkpoint()), Ok(Line::Checkpoint(checkpoint)) if checkpoint.sequence == 7));
    }

    #[test]
    fn the_removal_that_an_entry_records_is_read() {
        let removal = audit::Removal {
            first_sequence: 1,
            last: Head { sequence: 6, hash: Hash([9; 32]) },
            first_at: Timestamp::from_millis(0),
            last_at: Timestamp::from_millis(1),
            tree_root: Some(Hash([8; 32])),
            policy: "\"old\"".to_owned(),
        };
        let (stored, line) = exported(Entry { action: audit::ENTRIES_REMOVED, changes: removal.changes(), ..entry() });
        assert_eq!(link(&line).removal, Some(removal.last));
        assert_eq!(Some(link(&line)), Link::from_stored(&stored));
        let (_, line) = exported(Entry { changes: removal.changes(), ..entry() });
        assert_eq!(link(&line).removal, None);
    }

    #[test]
    fn what_remains_of_a_redacted_entry_and_its_record_are_read() {
        let (id, sequence, hash) = (entry().id, 7, Hash([4; 32]));
        let seal = Seal { sequence, previous_hash: Hash([3; 32]), hash };
        let redacted = RedactedEntry { id, organization: OrganizationId::INSTALLATION, seal };
        let line = format!("{{\"redacted\":{}}}", redacted_json(&redacted));
        assert_eq!(link(&line), Link::from_redacted(&redacted));
        for changed in [
            line.replace("\"sequence\":7", "\"sequence\":07"),
            line.replace("\"sequence\":7", "\"sequence\":7,\"x\":1"),
            line.replace("aud_01HZX", "aud_01hzx"),
            line.replace("}}", "}},"),
        ] {
            assert!(read(&changed).is_err(), "{changed} is accepted");
        }

        let redaction = Redaction { id, entry: Head { sequence, hash } };
        let record = Entry { subject: Some(redaction.subject()), changes: redaction.changes(), ..entry() };
        let (stored, line) = exported(Entry { action: audit::ENTRY_REDACTED, ..record.clone() });
        assert_eq!(link(&line).redaction, Some(redaction));
        assert_eq!(Some(link(&line)), Link::from_stored(&stored));
        let other_subject = Some(Subject { kind: "finding".into(), id: id.to_string() });
        for other in [record.clone(), Entry { action: audit::ENTRY_REDACTED, subject: other_subject, ..record }] {
            let (stored, line) = exported(other);
            assert_eq!((link(&line).redaction, Some(link(&line))), (None, Link::from_stored(&stored)));
        }
    }

    /// Each of these has the same members and values as the exported line for some readers of JSON.
    #[test]
    fn another_spelling_of_the_same_entry_is_refused() {
        let (_, line) = exported(entry());
        let changed = |from: &str, to: &str| {
            assert!(line.contains(from), "{from}");
            line.replacen(from, to, 1)
        };
        let id = "\"id\":\"aud_01HZX3V6T9C6Q4W8N2D5K7M1RB\"";
        for (name, line) in [
            ("a space", changed("{\"entry\":", "{\"entry\": ")),
            ("a space at the end", format!("{line} ")),
            ("a carriage return", format!("{line}\r")),
            ("a byte order mark", format!("\u{feff}{line}")),
            ("a second value", format!("{line}{line}")),
            ("a doubled member", changed("\"reason\":null", "\"reason\":\"x\",\"reason\":null")),
            ("a doubled member at the end", changed("\"wallClock\"", "\"wallClock\":null,\"wallClock\"")),
            ("a doubled hash", changed(&format!(",{id}"), &format!(",\"hash\":\"{}\",{id}", Hash::ZERO))),
            ("a doubled entry", changed("{\"entry\":", "{\"entry\":{},\"entry\":")),
            ("a foreign member", changed("\"reason\":null", "\"reason\":null,\"remark\":null")),
            ("a foreign member at the end", format!("{},\"x\":1}}}}", &line[..line.len() - 2])),
            ("a foreign member beside the entry", format!("{},\"x\":1}}", &line[..line.len() - 1])),
            ("a foreign member of the actor", changed("\"kind\":\"system\"", "\"kind\":\"system\",\"level\":1")),
            ("a foreign member of a change", changed("\"before\":null", "\"before\":null,\"during\":null")),
            ("another order", changed("\"reason\":null,\"requestId\"", "\"requestId\":\"\",\"reason\":null")),
            ("a missing member", changed(",\"reason\":null", "")),
            (
                "a null that is absent otherwise",
                changed("\"wallClock\":\"2026-05-25T12:08:33.000Z\"", "\"wallClock\":null"),
            ),
            ("an escaped letter", changed("command", "c\\u006fmmand")),
            ("an escaped solidus", changed("curl/8", "curl\\/8")),
            ("upper-case digits", changed("\\u0007", "\\u0007\\u001F")),
            ("a long escape sequence", changed("\\t", "\\u0009")),
            ("an escaped letter beyond ASCII", changed("é", "\\u00e9")),
            ("a control character", changed("\\t", "\t")),
            ("a leading zero", changed("\"status\":200", "\"status\":0200")),
            ("a fraction", changed("\"status\":200", "\"status\":200.0")),
            ("an exponent", changed("\"status\":200", "\"status\":2e2")),
            ("a negative zero", changed("\"status\":200", "\"status\":-0")),
            ("a number as text", changed("\"sequence\":7", "\"sequence\":\"7\"")),
            ("an upper-case hash", changed(&"03".repeat(32), &format!("0A{}", "03".repeat(31)))),
            ("a time with an offset", changed("000Z\",\"organizationId", "000+00:00\",\"organizationId")),
            ("a time without milliseconds", changed(".000Z\",\"organizationId", "Z\",\"organizationId")),
            ("a lower-case identifier", changed("aud_01HZX", "aud_01hzx")),
            ("a comma at the end of a list", changed("\"/\"]", "\"/\",]")),
            ("a comma at the end of the changes", changed("}],", "},],")),
        ] {
            assert!(read(&line).is_err(), "{name} is accepted: {line}");
        }
        for (name, line) in [
            ("a space", checkpoint().replace("7,", "7, ")),
            ("a doubled member", checkpoint().replace("\"sequence\":7", "\"sequence\":8,\"sequence\":7")),
            ("a foreign member", checkpoint().replace("\"sequence\":7", "\"sequence\":7,\"signer\":1")),
            ("unpadded base64", checkpoint().replace("==\",", "\",")),
            ("a member beside it", checkpoint().replace("Z\"}}", "Z\"},\"entry\":{}}")),
        ] {
            assert!(read(&line).is_err(), "{name} is accepted: {line}");
        }
    }

    #[test]
    fn an_error_names_the_position_and_the_rule() {
        let (_, line) = exported(entry());
        let doubled = line.replace("\"route\":null", "\"route\":null,\"route\":null");
        let error = read(&doubled).err().unwrap();
        assert!(
            error.ends_with(": ,\"sequence\": must follow, but the line has \",\\\"route\\\":null,\\\"seque\" there"),
            "{error}"
        );
        assert!(error.starts_with("byte 5"), "{error}");
        assert_eq!(
            read("[]").err().unwrap(),
            "neither {\"entry\":{…}} nor {\"redacted\":{…}} nor {\"checkpoint\":{…}}"
        );
        for line in ["", "{}", "{\"entry\":1}", "{\"entry\":{}}", "{\"checkpoint\":{\"signature\":\"AA==\"}}"] {
            assert!(read(line).is_err(), "{line:?} was accepted");
        }
    }

    proptest! {
        #[test]
        fn no_changed_byte_leaves_a_line_valid(index in any::<Index>(), byte: u8) {
            let (_, line) = exported(entry());
            let mut bytes = line.clone().into_bytes();
            let index = index.index(bytes.len());
            prop_assume!(bytes[index] != byte);
            bytes[index] = byte;
            if let Some(Line::Entry { link, .. }) = String::from_utf8(bytes).ok().and_then(|line| read(&line).ok()) {
                prop_assert_ne!(link.computed, Some(link.hash));
            }
        }

        #[test]
        fn a_line_that_is_read_is_the_canonical_json_of_its_members(name in "\\PC{0,8}[\u{0}-\u{1f}\"\\\\]?", after in any::<i64>()) {
            let change = Change { field: "x".into(), before: FieldValue::Text(name.clone()), after: FieldValue::Integer(after) };
            let (stored, line) = exported(Entry { changes: vec![change], action: kernel::Action(name.into()), ..entry() });
            prop_assert_eq!(Some(link(&line)), Link::from_stored(&stored));
        }
    }
}
