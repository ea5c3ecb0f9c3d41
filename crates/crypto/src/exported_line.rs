//! The lines of an export of the audit log, parsed and hashed without access to the store.

use audit::{Checkpoint, Hash, Head, Link, Signature};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use kernel::OrganizationId;
use serde_json::{Map, Value};

/// One line of an export.
pub(crate) enum Line {
    Entry { organization: OrganizationId, link: Link },
    Checkpoint(Checkpoint),
}

/// Parses a line of an export.
///
/// # Errors
/// If the line is not JSON, is neither an entry nor a checkpoint, or lacks a member.
pub(crate) fn read(line: &str) -> Result<Line, String> {
    let Value::Object(mut line) = serde_json::from_str(line).map_err(|error| format!("not JSON: {error}"))? else {
        return Err("not a JSON object".to_owned());
    };
    match (line.remove("entry"), line.remove("checkpoint")) {
        (Some(Value::Object(entry)), None) => read_entry(entry),
        (None, Some(Value::Object(checkpoint))) => read_checkpoint(&checkpoint).map(Line::Checkpoint),
        _ => Err("neither {\"entry\":{…}} nor {\"checkpoint\":{…}}".to_owned()),
    }
}

/// Parses checkpoints that were stored elsewhere: one JSON object a line, bare or as `{"checkpoint":{…}}`.
///
/// # Errors
/// The first invalid line with its number; if there is no checkpoint at all.
pub fn read_checkpoints(text: &str) -> Result<Vec<Checkpoint>, String> {
    let checkpoints = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()).map(|(index, line)| {
        let numbered = |error: String| format!("line {}: {error}", index + 1);
        match serde_json::from_str(line).map_err(|error| numbered(format!("not JSON: {error}")))? {
            Value::Object(mut object) => {
                let inner = match object.remove("checkpoint") {
                    Some(Value::Object(inner)) => inner,
                    // A line of the server's log contains the checkpoint as a JSON string.
                    Some(Value::String(text)) => {
                        serde_json::from_str(&text).map_err(|error| numbered(error.to_string()))?
                    }
                    _ => object,
                };
                read_checkpoint(&inner).map_err(numbered)
            }
            _ => Err(numbered("not a JSON object".to_owned())),
        }
    });
    let checkpoints: Vec<Checkpoint> = checkpoints.collect::<Result<_, _>>()?;
    if checkpoints.is_empty() { Err("the file contains no checkpoint".to_owned()) } else { Ok(checkpoints) }
}

fn read_entry(mut entry: Map<String, Value>) -> Result<Line, String> {
    let id = parse_member(&entry, "id")?;
    let organization = parse_member(&entry, "organizationId")?;
    let sequence = number(&entry, "sequence")?;
    let previous_hash = parse_member(&entry, "previousHash")?;
    let hash: Hash = parse_member(&entry, "hash")?;
    entry.remove("hash");
    let canonical = serde_json_canonicalizer::to_vec(&entry).map_err(|error| error.to_string())?;
    let removal = recorded_removal(&entry);
    let link = Link { id, sequence, previous_hash, hash, computed: Hash::digest(&canonical), removal };
    Ok(Line::Entry { organization, link })
}

/// Returns the last entry of the removal that an entry records, if it records one.
fn recorded_removal(entry: &Map<String, Value>) -> Option<Head> {
    if entry.get("action")?.as_str()? != audit::ENTRIES_REMOVED.as_str() {
        return None;
    }
    let changes = entry.get("changes")?.as_array()?;
    let value = |field: &str| changes.iter().find(|change| change["field"] == field).map(|change| &change["after"]);
    Some(Head { sequence: value("lastSequence")?.as_i64()?, hash: value("chainHash")?.as_str()?.parse().ok()? })
}

fn read_checkpoint(checkpoint: &Map<String, Value>) -> Result<Checkpoint, String> {
    let signature = BASE64.decode(text(checkpoint, "signature")?).ok().and_then(|bytes| bytes.try_into().ok());
    Ok(Checkpoint {
        organization: parse_member(checkpoint, "organizationId")?,
        sequence: number(checkpoint, "sequence")?,
        hash: parse_member(checkpoint, "hash")?,
        signed_at: parse_member(checkpoint, "signedAt")?,
        signature: Signature(signature.ok_or("signature is not 64 bytes in base64")?),
    })
}

fn text<'a>(object: &'a Map<String, Value>, member: &str) -> Result<&'a str, String> {
    object.get(member).and_then(Value::as_str).ok_or_else(|| format!("{member} is missing or not a string"))
}

fn number(object: &Map<String, Value>, member: &str) -> Result<i64, String> {
    object.get(member).and_then(Value::as_i64).ok_or_else(|| format!("{member} is missing or not an integer"))
}

fn parse_member<T: std::str::FromStr<Err: std::fmt::Display>>(
    object: &Map<String, Value>,
    member: &str,
) -> Result<T, String> {
    text(object, member)?.parse().map_err(|error| format!("{member}: {error}"))
}

#[cfg(test)]
mod tests {
    use kernel::{Action, Actor, ActorKind, Change, Entry, FieldValue, Id, Origin, Timestamp};

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

    #[test]
    fn the_hash_of_an_exported_entry_is_computed_from_its_json() {
        let entry = entry();
        let seal = audit::Seal {
            sequence: 7,
            previous_hash: Hash([3; 32]),
            hash: audit::hash_entry(&entry, 7, Hash([3; 32])),
        };
        let stored = audit::StoredEntry { entry, seal: Some(seal) };
        let Line::Entry { link, .. } = read(&format!("{{\"entry\":{}}}", audit::canonical_json(&stored))).unwrap()
        else {
            panic!("the line should be an entry");
        };
        assert_eq!(Some(link), Link::from_stored(&stored));
        assert_eq!(link.computed, link.hash);
    }

    #[test]
    fn an_invalid_line_is_refused_with_a_message() {
        for line in ["", "[]", "{}", "{\"entry\":1}", "{\"entry\":{}}", "{\"checkpoint\":{\"signature\":\"AA==\"}}"] {
            assert!(read(line).is_err(), "{line:?} was accepted");
        }
        assert!(read_checkpoints("").is_err());
        assert!(read_checkpoints("{\"checkpoint\":3}").is_err());
    }
}
