//! Heads of Merkle trees as notes (C2SP `tlog-checkpoint`).
//!
//! The same entries are covered by a [`crate::Checkpoint`], which states the hash of the chain and the time instead.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use crate::{
    checkpoint::Signature,
    hash::Hash,
    note::{NoteFault, SignatureLine, SignedNote, VerifiedSignature},
    note_key::{KeyName, NoteSigner, NoteVerifier, VerifierKey},
};

/// The head of the Merkle tree of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeHead {
    /// The name of the log, and of the key that signs its heads.
    pub origin: KeyName,
    /// The number of leaves: the sequence of the last entry.
    pub size: u64,
    /// The root.
    pub root: Hash,
}

/// A tree head whose signatures were verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedTreeHead<'key> {
    /// The head.
    pub head: TreeHead,
    /// The signatures of witnesses.
    pub cosignatures: Vec<VerifiedSignature<'key>>,
}

impl TreeHead {
    /// Returns the signed text: three lines. There are no others, because not all kinds of cosignatures cover them.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, hash_line(self.root))
    }

    /// Parses the text.
    ///
    /// # Errors
    /// [`NoteFault::Malformed`] if it has other lines, or one of them another spelling.
    pub fn parse(text: &str) -> Result<Self, NoteFault> {
        let mut lines = text.split('\n');
        let mut next = || lines.next().unwrap_or_default();
        let (origin, size, root) = (next(), next(), next());
        let origin = KeyName::parse(origin).map_err(|_| NoteFault::Malformed("the origin is no name of a key"))?;
        let size = parse_decimal(size).ok_or(NoteFault::Malformed("the size of the tree is no number"))?;
        let root = parse_hash_line(root).ok_or(NoteFault::Malformed("the root is no hash in base64"))?;
        let head = Self { origin, size, root };
        if head.text() == text { Ok(head) } else { Err(NoteFault::Malformed("a tree head must have three lines")) }
    }

    /// Signs the head.
    #[must_use]
    pub fn sign(&self, signer: &dyn NoteSigner) -> Signature {
        signer.sign(self.text().as_bytes())
    }

    /// Returns the note with the log's signature, which was made by [`TreeHead::sign`] with this public key.
    #[must_use]
    pub fn to_note(&self, public_key: [u8; 32], signature: &Signature) -> SignedNote {
        let id = VerifierKey::of_log(self.origin.clone(), public_key).id();
        let mut note = SignedNote::new(self.text()).expect("the name of a key contains no control characters");
        note.add(SignatureLine { name: self.origin.clone(), id, signature: signature.0.to_vec() });
        note
    }

    /// Verifies a note with the key of its log, and with those of witnesses, whose signatures may be absent.
    ///
    /// # Errors
    /// [`NoteFault`] if the note is of another log, is not signed by `log`, or has an invalid signature by one of the
    /// keys.
    pub fn verify<'key>(
        note: &SignedNote,
        log: &VerifierKey,
        witnesses: &'key [VerifierKey],
        verifier: &dyn NoteVerifier,
    ) -> Result<VerifiedTreeHead<'key>, NoteFault> {
        let head = Self::parse(note.text())?;
        if head.origin != log.name || note.verify(std::slice::from_ref(log), verifier)?.is_empty() {
            return Err(NoteFault::Unsigned(log.name.clone()));
        }
        Ok(VerifiedTreeHead { head, cosignatures: note.verify(witnesses, verifier)? })
    }
}

/// Returns a hash in base64, as the lines of notes and proofs have it.
#[must_use]
pub fn hash_line(hash: Hash) -> String {
    BASE64.encode(hash.0)
}

/// Parses a hash in base64.
pub(crate) fn parse_hash_line(line: &str) -> Option<Hash> {
    BASE64.decode(line).ok()?.try_into().ok().map(Hash)
}

/// Parses a decimal number without leading zeros.
pub(crate) fn parse_decimal(text: &str) -> Option<u64> {
    let number = text.parse::<u64>().ok()?;
    (number.to_string() == text).then_some(number)
}
