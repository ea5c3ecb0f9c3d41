//! The passkeys of a user, as the JSON array of their column.

use auth::{Passkey, PasskeyName};
use kernel::Timestamp;
use serde::{Deserialize, Serialize};

/// A passkey in JSON. Bytes are in hexadecimal, and times in milliseconds.
#[derive(Serialize, Deserialize)]
struct Document {
    id: String,
    credential_id: String,
    public_key: String,
    sign_count: u32,
    is_backup_eligible: bool,
    name: String,
    created_at: i64,
    last_used_at: Option<i64>,
    last_challenge_at: i64,
}

/// Writes the passkeys.
pub(super) fn to_json(passkeys: &[Passkey]) -> String {
    let documents: Vec<Document> = passkeys.iter().map(document).collect();
    serde_json::to_string(&documents).expect("texts and numbers are valid JSON")
}

fn document(passkey: &Passkey) -> Document {
    Document {
        id: passkey.id.to_string(),
        credential_id: to_hex(&passkey.credential_id),
        public_key: to_hex(&passkey.public_key),
        sign_count: passkey.sign_count,
        is_backup_eligible: passkey.is_backup_eligible,
        name: passkey.name.to_string(),
        created_at: passkey.created_at.millis(),
        last_used_at: passkey.last_used_at.map(Timestamp::millis),
        last_challenge_at: passkey.last_challenge_at.millis(),
    }
}

/// The pattern of documents with a passkey that has this identifier of its authenticator.
pub(super) fn pattern(credential_id: &[u8]) -> String {
    format!("%\"credential_id\":\"{}\"%", to_hex(credential_id))
}

/// Reads the passkeys.
pub(super) fn from_json(json: &str) -> Result<Vec<Passkey>, &'static str> {
    const FAULT: &str = "not a list of passkeys";
    let documents: Vec<Document> = serde_json::from_str(json).map_err(|_| FAULT)?;
    documents.iter().map(passkey).collect::<Option<_>>().ok_or(FAULT)
}

fn passkey(document: &Document) -> Option<Passkey> {
    Some(Passkey {
        id: document.id.parse().ok()?,
        credential_id: from_hex(&document.credential_id)?,
        public_key: from_hex(&document.public_key)?,
        sign_count: document.sign_count,
        is_backup_eligible: document.is_backup_eligible,
        name: PasskeyName::trusted(&document.name),
        created_at: Timestamp::from_millis(document.created_at),
        last_used_at: document.last_used_at.map(Timestamp::from_millis),
        last_challenge_at: Timestamp::from_millis(document.last_challenge_at),
    })
}

fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let is_hex = text.len().is_multiple_of(2) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then_some(())?;
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_list_of_passkeys_is_refused() {
        assert_eq!(from_json("[]"), Ok(Vec::new()));
        for bad in ["", "{}", "null", "[{}]", r#"[{"id":"pkey_1"}]"#] {
            assert!(from_json(bad).is_err(), "{bad}");
        }
        for bad in ["0", "zz", "+1", "é"] {
            assert_eq!(from_hex(bad), None, "{bad}");
        }
    }
}
