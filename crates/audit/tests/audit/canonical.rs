//! The canonical form, compared with another implementation of RFC 8785.

use audit::{Hash, Recorded, Seal, Signature, canonical, hash_of};
use kernel::{Entry, FieldValue};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::entries::{entry, text};

fn camel(field: &str) -> String {
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

fn model(entry: &Entry, seal: Option<&Seal>) -> Value {
    let changes: Vec<Value> = entry
        .changes
        .iter()
        .map(|change| json!({"field": camel(&change.field), "before": value(&change.before), "after": value(&change.after)}))
        .collect();
    json!({
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
    })
}

fn rfc8785(value: &Value) -> String {
    serde_json_canonicalizer::to_string(value).unwrap_or_default()
}

proptest! {
    #[test]
    fn the_served_form_is_the_rfc_8785_json_of_the_entry(entry in entry(text()), sequence in 1_i64..1 << 53, bytes: [[u8; 32]; 2]) {
        let seal = Seal { sequence, previous_hash: Hash(bytes[0]), hash: Hash(bytes[1]) };
        for seal in [None, Some(seal)] {
            let served = canonical(&Recorded { entry: entry.clone(), seal });
            prop_assert_eq!(&served, &rfc8785(&model(&entry, seal.as_ref())));
        }
    }

    #[test]
    fn an_outsider_gets_the_hash_from_the_served_form_without_its_hash(entry in entry(text()), sequence in 1_i64..1 << 53, bytes: [u8; 32]) {
        let previous_hash = Hash(bytes);
        let hash = hash_of(&entry, sequence, previous_hash);
        let served = canonical(&Recorded { entry, seal: Some(Seal { sequence, previous_hash, hash }) });
        let mut parsed: Value = serde_json::from_str(&served).unwrap();
        let stated = parsed.as_object_mut().unwrap().remove("hash").unwrap();
        prop_assert_eq!(stated.as_str().unwrap().parse::<Hash>().unwrap(), hash);
        prop_assert_eq!(Hash::of(rfc8785(&parsed).as_bytes()), hash);
    }

    #[test]
    fn a_hash_and_a_signature_read_back_as_they_are_written(hash: [u8; 32], signature: [u8; 64]) {
        prop_assert_eq!(Hash(hash).to_string().parse(), Ok(Hash(hash)));
        prop_assert_eq!(Signature(signature).to_string().parse(), Ok(Signature(signature)));
    }
}

#[test]
fn what_is_no_hash_in_lower_case_hexadecimal_is_refused() {
    let hash = Hash::of(b"entry").to_string();
    assert_eq!(hash, "923fe53966c6cd9343e11af776cd4b05be315ea4b200b02e4d5dfb0f929b73bf");
    for text in [&hash[1..], &hash.to_uppercase(), &format!("{hash}0"), "", &hash.replace(&hash[..2], "é")] {
        assert!(text.parse::<Hash>().is_err(), "{text:?} was accepted as a hash");
    }
}
