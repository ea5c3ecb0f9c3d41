//! Signed notes: their text, their keys, and what is refused.

use audit::{
    Cosignature, Hash, KeyName, MalformedVerifierKey, NoteFault, NoteSigner, NoteVerifier, Signature, SignatureKind,
    SignatureLine, SignedNote, TreeHead, VerifierKey, cosigned_message,
};
use proptest::{prelude::*, sample::Index};

/// A key whose signatures are a keyed hash, which suffices since these tests do not attack the signature itself.
pub(crate) struct TestNoteKey(pub(crate) u8);

impl NoteSigner for TestNoteKey {
    fn public_key(&self) -> [u8; 32] {
        [self.0; 32]
    }

    fn sign(&self, text: &[u8]) -> Signature {
        test_signature(&self.public_key(), text)
    }
}

pub(crate) struct TestVerifier;

impl NoteVerifier for TestVerifier {
    fn verify(&self, public_key: &[u8; 32], message: &[u8], signature: &Signature) -> bool {
        test_signature(public_key, message) == *signature
    }
}

fn test_signature(public_key: &[u8; 32], text: &[u8]) -> Signature {
    let Hash(digest) = Hash::digest(&[public_key.as_slice(), text].concat());
    let mut signature = [0; 64];
    signature[..32].copy_from_slice(&digest);
    signature[32..].copy_from_slice(&digest);
    Signature(signature)
}

pub(crate) fn name(text: &str) -> KeyName {
    KeyName::parse(text).unwrap()
}

pub(crate) fn log_key(number: u8) -> VerifierKey {
    VerifierKey::of_log(name("log.example.com/a"), [number; 32])
}

pub(crate) fn witness_key(number: u8) -> VerifierKey {
    VerifierKey { name: name("witness.example.com/w"), kind: SignatureKind::Cosignature, public_key: [number; 32] }
}

pub(crate) fn head(size: u64) -> TreeHead {
    TreeHead { origin: name("log.example.com/a"), size, root: Hash::digest(b"root") }
}

pub(crate) fn signed(head: &TreeHead) -> SignedNote {
    head.to_note([1; 32], &head.sign(&TestNoteKey(1)))
}

pub(crate) fn cosignature(witness: u8, signed_at: u64, note: &SignedNote) -> SignatureLine {
    let signature = TestNoteKey(witness).sign(cosigned_message(signed_at, note.text()).as_bytes());
    let key = witness_key(witness);
    let signature = Cosignature { signed_at, signature }.to_bytes();
    SignatureLine { id: key.id(), name: key.name, signature }
}

/// The example of `signed-note` § Verifier keys: its key has the identifier that the document states.
#[test]
fn a_verifier_key_has_the_form_and_the_identifier_of_the_specification() {
    let text = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    let key: VerifierKey = text.parse().unwrap();
    assert_eq!(
        (key.name.as_str(), key.kind, key.id().to_string().as_str()),
        ("example.com/foo", SignatureKind::Log, "530d903a")
    );
    assert_eq!(key.to_string(), text);
    for (text, fault) in [
        ("example.com/foo", MalformedVerifierKey::Form),
        ("example.com/foo+530d903a", MalformedVerifierKey::Form),
        ("example.com/fop+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", MalformedVerifierKey::Id),
        ("example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", MalformedVerifierKey::Form),
        ("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2l", MalformedVerifierKey::Id),
        ("example.com/foo+530d903a+BukyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", MalformedVerifierKey::Kind(6)),
        ("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2", MalformedVerifierKey::Form),
        ("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv", MalformedVerifierKey::Form),
        ("+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", MalformedVerifierKey::Form),
    ] {
        assert_eq!(text.parse::<VerifierKey>(), Err(fault), "{text}");
    }
}

#[test]
fn a_name_contains_neither_white_space_nor_a_plus() {
    for text in ["", "a b", "a\u{a0}b", "a+b", "a\nb", "a\u{1}b", &"x".repeat(256)] {
        assert!(KeyName::parse(text).is_err(), "{text:?}");
    }
    assert!(KeyName::parse(&"x".repeat(255)).is_ok());
    let organization = crate::entries::organization();
    let origin = KeyName::of_log("audit.example.com", organization).unwrap();
    assert_eq!(origin.to_string(), format!("audit.example.com/{organization}"));
    assert!(KeyName::of_log(&"x".repeat(240), organization).is_err());
}

#[test]
fn the_note_of_a_head_has_three_lines_and_a_signature() {
    let head = head(70_000);
    let note = signed(&head);
    let text = note.to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[..4], ["log.example.com/a", "70000", "SBNJTRN+FjG7owHVrKtue7eqdM4RhdRWVl71HXN2d7I=", ""]);
    assert!(lines[4].starts_with("— log.example.com/a "), "{text}");
    assert_eq!((lines.len(), text.ends_with('\n')), (5, true));
    let verified = TreeHead::verify(&SignedNote::parse(&text).unwrap(), &log_key(1), &[], &TestVerifier).unwrap();
    assert_eq!((verified.head, verified.cosignatures.len()), (head, 0));
}

#[test]
fn signatures_of_unknown_keys_are_ignored_and_the_log_must_have_signed() {
    let mut note = signed(&head(7));
    for key in [log_key(2), witness_key(3)] {
        // The same name as a known key, or the same identifier, but not both.
        note.add(SignatureLine { id: key.id(), name: key.name, signature: vec![1] });
    }
    note.add(SignatureLine { id: log_key(1).id(), name: name("other.example.com"), signature: vec![1] });
    assert!(TreeHead::verify(&note, &log_key(1), &[witness_key(4)], &TestVerifier).is_ok());
    let unsigned = Err(NoteFault::Unsigned(name("log.example.com/a")));
    assert_eq!(TreeHead::verify(&note, &log_key(9), &[], &TestVerifier), unsigned);
}

#[test]
fn a_note_with_an_invalid_signature_of_a_trusted_key_is_refused() {
    let mut note = signed(&head(7));
    note.add(cosignature(4, 9, &note));
    let witnesses = [witness_key(4)];
    let verified = TreeHead::verify(&note, &log_key(1), &witnesses, &TestVerifier);
    assert_eq!(verified.unwrap().cosignatures[0].signed_at, Some(9));
    let wrong = |line: SignatureLine| {
        let mut note = note.clone();
        note.add(line);
        TreeHead::verify(&note, &log_key(1), &[witness_key(4)], &TestVerifier).is_err()
    };
    for key in [log_key(1), witness_key(4)] {
        for signature in [vec![0; 64], vec![0; 72], vec![0; 8], vec![0]] {
            assert!(wrong(SignatureLine { id: key.id(), name: key.name.clone(), signature }), "{}", key.name);
        }
    }
    let other_text = signed(&head(8));
    assert!(wrong(cosignature(4, 9, &other_text)));
    assert!(wrong(SignatureLine {
        signature: [&[0x80], &cosignature(4, 9, &note).signature[1..]].concat(),
        ..cosignature(4, 9, &note)
    }));
}

#[test]
fn a_head_of_another_log_is_refused_although_the_key_is_the_same() {
    let other = TreeHead { origin: name("log.example.com/b"), ..head(7) };
    let mut note = signed(&other);
    let signature = note.signatures()[0].signature.clone();
    note.add(SignatureLine { id: log_key(1).id(), name: name("log.example.com/a"), signature });
    assert!(!note.verify(&[log_key(1)], &TestVerifier).unwrap().is_empty(), "the key signed this text");
    assert!(TreeHead::verify(&note, &log_key(1), &[], &TestVerifier).is_err());
}

#[test]
fn a_text_of_another_form_is_no_note_or_no_head() {
    let note = signed(&head(7)).to_string();
    let line = note.lines().last().unwrap().to_owned();
    for text in [
        String::new(),
        note.trim_end().to_owned(),
        note.replace("\n\n", "\n"),
        format!("{note}\n"),
        format!("{note}{}", line.replace("— ", "- ")),
        note.replace("— log", "—  log"),
        note.replace('7', "7\r"),
        format!("{}\n{line}", note.replace(&line, "")),
        format!("{note}{}", format!("{line}\n").repeat(64)),
        "x".repeat(600_000) + &note,
    ] {
        assert!(SignedNote::parse(&text).is_err(), "{text:?}");
    }
    assert!(SignedNote::parse(&format!("{note}{}", format!("{line}\n").repeat(63))).is_ok());
    assert!(SignedNote::new("no line feed".to_owned()).is_err());
    for text in [
        "",
        "log\n7\nSBNJTRN+FjG7owHVrKtue7eqdM4RhdRWVl71HXN2d7I=",
        "log\n07\nSBNJTRN+FjG7owHVrKtue7eqdM4RhdRWVl71HXN2d7I=\n",
        "log\n+7\nSBNJTRN+FjG7owHVrKtue7eqdM4RhdRWVl71HXN2d7I=\n",
        "log\n7\nSBNJTRN+FjG7owHVrKtue7eqdM4RhdRWVl71HXN2d7I\n",
        "log\n7\nSBNJTRN+FjG7owHVrKtue7eqdM4RhdRWVl71HXN2d7J=\n",
        "log\n7\nSBNJTRN+FjG7owHVrKtue7eqdM4RhdRWVl71HXN2d7I=\nextension\n",
        "a log\n7\nSBNJTRN+FjG7owHVrKtue7eqdM4RhdRWVl71HXN2d7I=\n",
    ] {
        assert!(TreeHead::parse(text).is_err(), "{text:?}");
    }
}

proptest! {
    #[test]
    fn a_note_parses_to_what_was_formatted(
        text in "([ -~é—\n]{0,20}\n){1,4}",
        lines in proptest::collection::vec(("[!-*,-~é]{1,9}", any::<[u8; 4]>(), proptest::collection::vec(any::<u8>(), 1..80)), 1..5),
    ) {
        let mut note = SignedNote::new(text).unwrap();
        for (text, id, signature) in lines {
            note.add(SignatureLine { name: name(&text), id: audit::KeyId(id), signature });
        }
        prop_assert_eq!(SignedNote::parse(&note.to_string()), Ok(note));
    }

    #[test]
    fn a_head_with_any_changed_bit_is_refused(size: u64, root: [u8; 32], at in any::<Index>(), bit in 0..8_u32) {
        let head = TreeHead { size, root: Hash(root), ..head(0) };
        let note = signed(&head).to_string();
        let mut bytes = note.clone().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= 1 << bit;
        let verified = str::from_utf8(&bytes).ok().and_then(|text| SignedNote::parse(text).ok()).and_then(|note| {
            TreeHead::verify(&note, &log_key(1), &[], &TestVerifier).ok()
        });
        prop_assert_eq!(verified, None);
        prop_assert!(TreeHead::verify(&SignedNote::parse(&note).unwrap(), &log_key(1), &[], &TestVerifier).is_ok());
    }
}
