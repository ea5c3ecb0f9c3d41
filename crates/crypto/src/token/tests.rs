use auth::{EncryptedSigningKey, PublishedKey};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{EncodingKey, Header, encode};
use kernel::{Id, Organization};
use serde_json::{Value, json};
use ulid::Ulid;

use super::*;
use crate::{
    fixtures::{ConstantEntropy, master_key},
    signing_key::generate_signing_key,
};

const ISSUER: &str = "https://novantra.example";
const NOW: Timestamp = Timestamp::from_millis(1_779_718_113_000);

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(NOW.millis() + seconds * 1000)
}

fn encrypted_key(byte: u8) -> EncryptedSigningKey {
    generate_signing_key(&master_key(1), &ConstantEntropy(byte), at(i64::from(byte)))
}

/// The keyring of these keys as a store returns it; each key signs from its creation on, which is in the past for all.
fn keyring(encrypted: &[EncryptedSigningKey]) -> Keyring {
    let published = |key: &EncryptedSigningKey| PublishedKey { key: key.clone(), signs_from: key.created_at };
    Keyring::new(at(100), encrypted.iter().map(published).collect())
}

fn keys(encrypted: &[EncryptedSigningKey]) -> TokenKeys {
    TokenKeys::open(&master_key(1), &keyring(encrypted), ISSUER).unwrap()
}

fn claims() -> Claims {
    Claims {
        account: Id::new(Ulid::from(7)),
        organization: Id::<Organization>::new(Ulid::from(8)),
        scopes: [Scope::ControlsRead, Scope::FindingsWrite].into_iter().collect(),
        issued_at: NOW,
        expires_at: at(900),
        id: "01K0000000000000000000000Z".to_owned(),
    }
}

fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// Returns a token whose header or payload was edited and signed again with a key of the installation.
fn forged(keys: &TokenKeys, edit: impl FnOnce(&mut Value, &mut Value)) -> String {
    let token = keys.sign(&claims()).unwrap();
    let (mut header, mut payload) = (part(&token, 0), part(&token, 1));
    edit(&mut header, &mut payload);
    let parts = [header, payload].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
    let message = parts.join(".");
    let signature = URL_SAFE_NO_PAD.encode(keys.keys[0].pair.sign(message.as_bytes()));
    format!("{message}.{signature}")
}

#[test]
fn a_token_has_the_header_and_claims_of_rfc_9068() {
    let token = keys(&[encrypted_key(1)]).sign(&claims()).unwrap();
    assert_eq!(part(&token, 0), json!({"typ": "at+jwt", "alg": "EdDSA", "kid": encrypted_key(1).id}));
    let account = claims().account.to_string();
    assert_eq!(
        part(&token, 1),
        json!({
            "iss": ISSUER,
            "aud": "novantra",
            "sub": account,
            "client_id": account,
            "org": claims().organization.to_string(),
            "scope": "governance.controls:read governance.findings:write",
            "iat": 1_779_718_113,
            "exp": 1_779_719_013,
            "jti": "01K0000000000000000000000Z",
        })
    );
    assert!(account.starts_with("svc_"));
}

#[test]
fn a_token_is_valid_until_its_expiry_and_the_error_has_its_claims_afterwards() {
    let keys = keys(&[encrypted_key(1)]);
    let token = keys.sign(&claims()).unwrap();
    assert_eq!(keys.verify(&token, NOW), Ok(claims()));
    assert_eq!(keys.verify(&token, Timestamp::from_millis(at(900).millis() - 1)), Ok(claims()));
    assert_eq!(keys.verify(&token, at(900)), Err(TokenError::Expired(Box::new(claims()))));
}

#[test]
fn one_key_signs_and_every_key_verifies() {
    let (old, new) = (encrypted_key(1), encrypted_key(2));
    let before = keys(std::slice::from_ref(&old)).sign(&claims()).unwrap();
    let both = keys(&[new.clone(), old]);
    let after = both.sign(&claims()).unwrap();
    assert_eq!(part(&after, 0)["kid"], new.id.as_str());
    assert_eq!(both.verify(&before, NOW), Ok(claims()));
    assert_eq!(both.verify(&after, NOW), Ok(claims()));
    assert_eq!(keys(&[new]).verify(&before, NOW), Err(TokenError::UnknownKey), "its key was removed");
}

#[test]
fn a_published_key_verifies_before_it_signs() {
    let (current, mut next) = (encrypted_key(1), encrypted_key(2));
    next.created_at = at(101);
    let keys = keys(&[current.clone(), next.clone()]);
    assert_eq!(part(&keys.sign(&claims()).unwrap(), 0)["kid"], current.id.as_str());
    let early = TokenKeys::open(&master_key(1), &keyring(&[EncryptedSigningKey { created_at: at(0), ..next }]), ISSUER)
        .unwrap();
    assert_eq!(keys.verify(&early.sign(&claims()).unwrap(), NOW), Ok(claims()));
}

#[test]
fn an_unknown_key_id_is_distinguished_from_a_malformed_one() {
    let keys = keys(&[encrypted_key(1)]);
    let with_key_id = |id: &str| forged(&keys, |header, _| header["kid"] = json!(id));
    assert_eq!(keys.verify(&with_key_id(&encrypted_key(2).id), NOW), Err(TokenError::UnknownKey));
    assert_eq!(keys.verify(&with_key_id("another"), NOW), Err(TokenError::Invalid));
}

#[test]
fn a_master_key_of_another_installation_is_reported() {
    let failure = TokenKeys::open(&master_key(2), &keyring(&[encrypted_key(1)]), ISSUER).err().unwrap();
    assert_eq!(failure, SigningKeyError::DecryptionFailed { id: encrypted_key(1).id });
    assert!(failure.to_string().contains("the master key can't decrypt the signing key"));
    let exchanged = EncryptedSigningKey { id: encrypted_key(2).id, ..encrypted_key(1) };
    let failure = TokenKeys::open(&master_key(1), &keyring(&[exchanged]), ISSUER).err();
    assert_eq!(failure, Some(SigningKeyError::DecryptionFailed { id: encrypted_key(2).id }));
    assert_eq!(TokenKeys::open(&master_key(1), &keyring(&[]), ISSUER).err(), Some(SigningKeyError::NoKey));
}

#[test]
fn a_key_is_pinned_to_its_algorithm() {
    let key = EncryptedSigningKey { algorithm: "HS256".to_owned(), ..encrypted_key(1) };
    let failure = TokenKeys::open(&master_key(1), &keyring(&[key]), ISSUER).err().unwrap();
    assert!(matches!(failure, SigningKeyError::UnknownAlgorithm { .. }));
}

#[test]
fn a_token_without_signature_is_refused() {
    let keys = keys(&[encrypted_key(1)]);
    for algorithm in ["none", "None", "NONE", ""] {
        let token = forged(&keys, |header, _| header["alg"] = json!(algorithm));
        let unsigned = format!("{}.", token.rsplit_once('.').unwrap().0);
        assert_eq!(keys.verify(&token, NOW), Err(TokenError::Invalid));
        assert_eq!(keys.verify(&unsigned, NOW), Err(TokenError::Invalid));
    }
}

#[test]
fn a_token_signed_with_the_public_key_as_a_shared_secret_is_refused() {
    let keys = keys(&[encrypted_key(1)]);
    let public = keys.keys[0].public.try_get_as_bytes().unwrap();
    let token = keys.sign(&claims()).unwrap();
    let payload = part(&token, 1);
    let mut header = Header::new(Algorithm::HS256);
    header.typ = Some(TOKEN_TYPE.to_owned());
    header.kid = Some(keys.keys[0].id.clone());
    let forged = encode(&header, &payload, &EncodingKey::from_secret(public)).unwrap();
    assert_eq!(keys.verify(&forged, NOW), Err(TokenError::Invalid));
}

#[test]
fn a_token_of_another_key_with_the_id_of_ours_is_refused() {
    let ours = keys(&[encrypted_key(1)]);
    let other = generate_signing_key(&master_key(2), &ConstantEntropy(9), NOW);
    let mut theirs = TokenKeys::open(&master_key(2), &keyring(&[other]), ISSUER).unwrap();
    theirs.keys[0].header.clone_from(&ours.keys[0].header);
    assert_eq!(ours.verify(&theirs.sign(&claims()).unwrap(), NOW), Err(TokenError::Invalid));
}

#[test]
fn the_type_is_compared_as_media_types_are() {
    let keys = keys(&[encrypted_key(1)]);
    for valid in ["at+jwt", "AT+JWT", "application/at+jwt"] {
        assert_eq!(keys.verify(&forged(&keys, |header, _| header["typ"] = json!(valid)), NOW), Ok(claims()), "{valid}");
    }
    for invalid in [json!("JWT"), json!("at"), json!(""), Value::Null] {
        let token = forged(&keys, |header, _| header["typ"] = invalid.clone());
        assert_eq!(keys.verify(&token, NOW), Err(TokenError::Invalid), "{invalid}");
    }
}

#[test]
fn headers_that_differ_from_issued_ones_are_refused() {
    let keys = keys(&[encrypted_key(1)]);
    let edits: [fn(&mut Value); 5] = [
        |header| header["kid"] = json!("another"),
        |header| header["kid"] = Value::Null,
        |header| header["crit"] = json!(["exp"]),
        |header| header["alg"] = json!("ES256"),
        |header| *header = json!([]),
    ];
    for edit in edits {
        let token = forged(&keys, |header, _| edit(header));
        assert_eq!(keys.verify(&token, NOW), Err(TokenError::Invalid), "{token}");
    }
}

#[test]
fn signed_tokens_with_missing_claims_or_another_issuer_or_audience_are_refused() {
    let keys = keys(&[encrypted_key(1)]);
    let names = ["iss", "aud", "sub", "client_id", "org", "scope", "iat", "exp", "jti"];
    for name in names {
        for value in [Value::Null, json!(["x"])] {
            let token = forged(&keys, |_, payload| payload[name] = value);
            assert_eq!(keys.verify(&token, NOW), Err(TokenError::Invalid), "{name}");
        }
        let token = forged(&keys, |_, payload| {
            payload.as_object_mut().unwrap().remove(name);
        });
        assert_eq!(keys.verify(&token, NOW), Err(TokenError::Invalid), "{name}");
    }
    for name in ["iss", "aud", "sub", "client_id", "org"] {
        let token = forged(&keys, |_, payload| payload[name] = json!("svc_00000000000000000000000009"));
        assert_eq!(keys.verify(&token, NOW), Err(TokenError::Invalid), "{name}");
    }
}

#[test]
fn an_expired_token_with_an_invalid_signature_is_reported_as_invalid() {
    let keys = keys(&[encrypted_key(1)]);
    let token = keys.sign(&claims()).unwrap();
    let other = forged(&keys, |_, payload| payload["jti"] = json!("another"));
    let mixed = format!("{}.{}", token.rsplit_once('.').unwrap().0, other.rsplit_once('.').unwrap().1);
    assert_eq!(keys.verify(&mixed, at(10_000)), Err(TokenError::Invalid));
}

#[test]
fn a_token_with_any_altered_character_is_refused() {
    let keys = keys(&[encrypted_key(1)]);
    let token = keys.sign(&claims()).unwrap();
    for index in 0..token.len() {
        let mut altered = token.clone().into_bytes();
        altered[index] = if altered[index] == b'A' { b'B' } else { b'A' };
        let altered = String::from_utf8(altered).unwrap();
        let refused = keys.verify(&altered, NOW);
        // The alteration may be in the key's id.
        assert!(matches!(refused, Err(TokenError::Invalid | TokenError::UnknownKey)), "{refused:?} at {index}");
    }
    for length in 0..token.len() {
        assert_eq!(keys.verify(&token[..length], NOW), Err(TokenError::Invalid));
    }
}

#[test]
fn malformed_tokens_are_refused() {
    let keys = keys(&[encrypted_key(1)]);
    for text in ["", ".", "..", "...", "a.b.c", "é.é.é", &"A".repeat(100_000), &".".repeat(5000)] {
        assert_eq!(keys.verify(text, NOW), Err(TokenError::Invalid));
    }
}

#[test]
fn an_unknown_scope_grants_nothing() {
    let keys = keys(&[encrypted_key(1)]);
    let token = forged(&keys, |_, payload| payload["scope"] = json!("governance.controls:read moon:write"));
    assert_eq!(keys.verify(&token, NOW).unwrap().scopes, [Scope::ControlsRead].into_iter().collect());
}
