//! Checkpoints: their signed message, and the text form of signatures.

use audit::{Checkpoint, CheckpointVerifier as _, Hash, Signature};
use kernel::{Id, Timestamp};
use ulid::Ulid;

use crate::log::TestKey;

fn checkpoint() -> Checkpoint {
    let at = Timestamp::from_millis(1_700_000_000_123);
    Checkpoint::sign(&TestKey(1), Id::new(Ulid(3)), 42, Hash::digest(b"entry"), at)
}

fn is_valid(checkpoint: &Checkpoint) -> bool {
    TestKey(1).verify(checkpoint.message().as_bytes(), &checkpoint.signature)
}

#[test]
fn the_signed_message_is_the_rfc_8785_json_of_the_checkpoint_without_its_signature() {
    let expected = concat!(
        r#"{"hash":"923fe53966c6cd9343e11af776cd4b05be315ea4b200b02e4d5dfb0f929b73bf","#,
        r#""organizationId":"org_00000000000000000000000003","sequence":42,"signedAt":"2023-11-14T22:13:20.123Z"}"#,
    );
    assert_eq!(checkpoint().message(), expected);
    let parsed: serde_json::Value = serde_json::from_str(expected).unwrap();
    assert_eq!(serde_json_canonicalizer::to_string(&parsed).unwrap(), expected);
}

#[test]
fn a_change_of_any_member_makes_the_signature_invalid() {
    let signed = checkpoint();
    assert!(is_valid(&signed));
    for changed in [
        Checkpoint { organization: Id::new(Ulid(4)), ..signed },
        Checkpoint { sequence: 43, ..signed },
        Checkpoint { hash: Hash::ZERO, ..signed },
        Checkpoint { signed_at: Timestamp::from_millis(1_700_000_000_124), ..signed },
    ] {
        assert!(!is_valid(&changed), "{changed:?}");
    }
}

#[test]
fn only_128_lower_case_hexadecimal_digits_parse_as_a_signature() {
    let text = checkpoint().signature.to_string();
    assert_eq!(text.len(), 128);
    assert_eq!(text.parse(), Ok(checkpoint().signature));
    for text in [&text[1..], &text.to_uppercase(), &format!("{text}0"), "", &text[..64], &text.replace(&text[..2], "é")]
    {
        assert!(text.parse::<Signature>().is_err(), "{text:?} was accepted as a signature");
    }
    assert!("g".repeat(128).parse::<Signature>().is_err());
}

#[test]
fn hashes_and_signatures_are_logged_in_hexadecimal() {
    assert_eq!(format!("{:?}", Hash::ZERO), "0".repeat(64));
    assert_eq!(format!("{:?}", Signature([0xa5; 64])), "a5".repeat(64));
}
