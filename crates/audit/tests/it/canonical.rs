//! The canonical form, compared with another implementation of RFC 8785.

use audit::{Hash, Seal, Signature, StoredEntry, canonical_json, hash_entry};
use kernel::{Entry, FieldValue};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::entries::{entry, text};

fn camel_case(field: &str) -> String {
    let mut upper = false;
    let mut camel = String::new();
    for letter in field.chars() {
        match letter {
            '_' => upper = true,
            _ if upper => {
                camel.push(letter.to_ascii_uppercase());
                upper = false;
            }
            _ => camel.push(letter),
        }
    }
    camel
}

fn value(value: &FieldValue) -> Value {
    match value {
        FieldValue::Null => Value::Null,
        FieldValue::Bool(value) => json!(value),
        FieldValue::Integer(number) => json!(number),
        FieldValue::Text(text) => json!(text),
        FieldValue::Texts(texts) => json!(texts),
    }
}

fn expected_json(entry: &Entry, seal: Option<&Seal>) -> Value {
    let changes: Vec<Value> = entry
        .changes
        .iter()
        .map(|change| json!({"field": camel_case(&change.field), "before": value(&change.before), "after": value(&change.after)}))
        .collect();
    let mut json = json!({
        "id": entry.id.to_string(),
        "organizationId": entry.organization.to_string(),
        "sequence": seal.map(|seal| seal.sequence),
        "occurredAt": entry.occurred_at.to_string(),
        "actor": {"kind": entry.actor.kind.name(), "id": entry.actor.id.as_deref(), "name": &*entry.actor.name},
        "action": entry.action.as_str(),
        "subject": entry.subject.as_ref().map(|subject| json!({"type": subject.kind, "id": subject.id})),
        "reason": entry.reason.as_ref().map(|reason| reason.as_str()),
        "changes": changes,
        "requestId": entry.origin.request_id.to_string(),
        "method": entry.origin.method,
        "route": entry.origin.route,
        "status": entry.status,
        "sourceAddress": entry.origin.source_address,
        "userAgent": entry.origin.user_agent,
        "previousHash": seal.map(|seal| seal.previous_hash.to_string()),
        "hash": seal.map(|seal| seal.hash.to_string()),
    });
    if let Some(wall_clock) = entry.wall_clock {
        json["wallClock"] = json!(wall_clock.to_string());
    }
    json
}

fn rfc8785(value: &Value) -> String {
    serde_json_canonicalizer::to_string(value).unwrap_or_default()
}

proptest! {
    #[test]
    fn the_served_form_is_the_rfc_8785_json_of_the_entry(entry in entry(text()), sequence in 1_i64..1 << 53, bytes: [[u8; 32]; 2]) {
        let seal = Seal { sequence, previous_hash: Hash(bytes[0]), hash: Hash(bytes[1]) };
        for seal in [None, Some(seal)] {
            let served = canonical_json(&StoredEntry { entry: entry.clone(), seal });
            prop_assert_eq!(&served, &rfc8785(&expected_json(&entry, seal.as_ref())));
        }
    }

    #[test]
    fn the_hash_can_be_computed_from_the_served_form_without_the_hash_member(entry in entry(text()), sequence in 1_i64..1 << 53, bytes: [u8; 32]) {
        let previous_hash = Hash(bytes);
        let hash = hash_entry(&entry, sequence, previous_hash);
        let served = canonical_json(&StoredEntry { entry, seal: Some(Seal { sequence, previous_hash, hash }) });
        let mut parsed: Value = serde_json::from_str(&served).unwrap();
        let stated = parsed.as_object_mut().unwrap().remove("hash").unwrap();
        prop_assert_eq!(stated.as_str().unwrap().parse::<Hash>().unwrap(), hash);
        prop_assert_eq!(Hash::digest(rfc8785(&parsed).as_bytes()), hash);
    }

    #[test]
    fn a_formatted_hash_and_signature_parse_to_the_same_values(hash: [u8; 32], signature: [u8; 64]) {
        prop_assert_eq!(Hash(hash).to_string().parse(), Ok(Hash(hash)));
        prop_assert_eq!(Signature(signature).to_string().parse(), Ok(Signature(signature)));
    }
}

#[test]
fn only_64_lower_case_hexadecimal_digits_parse_as_a_hash() {
    let hash = Hash::digest(b"entry").to_string();
    assert_eq!(hash, "923fe53966c6cd9343e11af776cd4b05be315ea4b200b02e4d5dfb0f929b73bf");
    for text in [&hash[1..], &hash.to_uppercase(), &format!("{hash}0"), "", &hash.replace(&hash[..2], "é")] {
        assert!(text.parse::<Hash>().is_err(), "{text:?} was accepted as a hash");
    }
}
