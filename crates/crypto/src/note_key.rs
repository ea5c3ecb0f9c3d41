//! Ed25519 signatures of the notes with the heads of the audit log's trees.

use audit::{NoteSigner, NoteVerifier, Signature};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use crate::master_key::{MasterKey, Purpose};

/// Signs the notes of all logs of an installation. It is derived from the master key, not stored, and signs nothing
/// else.
#[derive(Debug)]
pub struct NoteKey(Ed25519KeyPair);

impl NoteKey {
    /// Creates the key of the installation with this master key.
    #[must_use]
    pub fn new(master: &MasterKey) -> Self {
        let seed = master.derive(Purpose::AuditNotes);
        Self(Ed25519KeyPair::from_seed_unchecked(seed.as_slice()).expect("any 32 bytes are an Ed25519 seed"))
    }
}

impl NoteSigner for NoteKey {
    fn public_key(&self) -> [u8; 32] {
        self.0.public_key().as_ref().try_into().expect("an Ed25519 public key has 32 bytes")
    }

    fn sign(&self, text: &[u8]) -> Signature {
        Signature(self.0.sign(text).as_ref().try_into().expect("an Ed25519 signature has 64 bytes"))
    }
}

/// Verifies the signatures of notes and the cosignatures of witnesses.
#[derive(Clone, Copy, Debug)]
pub struct Ed25519NoteVerifier;

impl NoteVerifier for Ed25519NoteVerifier {
    fn verify(&self, public_key: &[u8; 32], message: &[u8], signature: &Signature) -> bool {
        UnparsedPublicKey::new(&ED25519, public_key).verify(message, &signature.0).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use audit::{Hash, KeyName, SignedNote, TreeHead, VerifierKey};

    use super::*;
    use crate::fixtures::master_key;

    /// Both values were made with other implementations, Python's `hmac` and `cryptography`.
    #[test]
    fn the_key_and_its_notes_equal_those_of_another_implementation() {
        let key = NoteKey::new(&master_key(1));
        let origin = KeyName::parse("audit.example.com/org_01HF7YAT003M5H9S6V067YVAC9").unwrap();
        let log = VerifierKey::of_log(origin.clone(), key.public_key());
        assert_eq!(
            log.to_string(),
            "audit.example.com/org_01HF7YAT003M5H9S6V067YVAC9+00d95056+AY2JImVJwIb2oywEG5aEvkE5DUCh6x826n1R4Zjn0mKu"
        );
        let head = TreeHead { origin, size: 70_000, root: Hash::digest(b"root") };
        let note = head.to_note(key.public_key(), &head.sign(&key));
        assert_eq!(
            note.to_string(),
            "audit.example.com/org_01HF7YAT003M5H9S6V067YVAC9\n\
             70000\n\
             SBNJTRN+FjG7owHVrKtue7eqdM4RhdRWVl71HXN2d7I=\n\
             \n\
             — audit.example.com/org_01HF7YAT003M5H9S6V067YVAC9 ANlQVlHdf9IdGGGptn6gcOGfAWX/sJYE20n0mzjnIxzwlEiG1CGct\
             dIaOLuO7JhRf0ClKP3kzP39/wJFT7sgSnrWhgU=\n"
        );
        assert_eq!(TreeHead::verify(&note, &log, &[], &Ed25519NoteVerifier).map(|verified| verified.head), Ok(head));
    }

    /// The examples of `signed-note` § Verifier keys and of `tlog-checkpoint` and `tlog-cosignature`.
    #[test]
    fn the_note_of_the_specification_verifies() {
        let key: VerifierKey = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k".parse().unwrap();
        let note = "This is an example message.\n\n\
                    — example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
        let verify = |note: &str| {
            SignedNote::parse(note)
                .unwrap()
                .verify(std::slice::from_ref(&key), &Ed25519NoteVerifier)
                .map(|keys| keys.len())
        };
        assert_eq!(verify(note), Ok(1));
        assert!(verify(&note.replace("an example", "no example")).is_err());
    }
}
