//! Signed notes (C2SP `signed-note`): a text, an empty line, and a line for each signature.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use crate::{
    cosignature::Cosignature,
    note_key::{KeyId, KeyName, NoteVerifier, SignatureKind, VerifierKey},
};

/// The maximum length in bytes of a note that is parsed.
const MAX_BYTES: usize = 512 * 1024;

/// The maximum number of signatures of a note that is parsed. Verifiers must accept at least 16.
const MAX_SIGNATURES: usize = 64;

/// The line of one signature, by any key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureLine {
    /// The name of the key.
    pub name: KeyName,
    /// The identifier of the key.
    pub id: KeyId,
    /// The signature, whose form depends on the key.
    pub signature: Vec<u8>,
}

/// A text with signatures. Its text form is the only one that parses to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedNote {
    text: String,
    signatures: Vec<SignatureLine>,
}

/// A signature that was verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifiedSignature<'key> {
    /// The key.
    pub key: &'key VerifierKey,
    /// The time of a cosignature in seconds since 1970; `None` for the signature of a log, which states none.
    pub signed_at: Option<u64>,
}

/// The reason that a note is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteFault {
    /// The text is not a note.
    #[error("not a signed note: {0}")]
    Malformed(&'static str),
    /// A trusted key did not make the signature that has its name and identifier.
    #[error("the signature of {name} with the key {id} is invalid")]
    BadSignature {
        /// The name of the key.
        name: KeyName,
        /// The identifier of the key.
        id: KeyId,
    },
    /// There is no signature by a key that must have signed.
    #[error("the note has no signature of {0}")]
    Unsigned(KeyName),
}

impl SignatureLine {
    /// Parses a line without its line feed.
    ///
    /// # Errors
    /// [`NoteFault::Malformed`].
    pub fn parse(line: &str) -> Result<Self, NoteFault> {
        const MALFORMED: NoteFault = NoteFault::Malformed("a signature line must have the form `— NAME BASE64`");
        let (name, signature) = line.strip_prefix("— ").and_then(|line| line.split_once(' ')).ok_or(MALFORMED)?;
        let name = KeyName::parse(name).map_err(|_| MALFORMED)?;
        let bytes = BASE64.decode(signature).map_err(|_| MALFORMED)?;
        let (id, signature) = bytes.split_first_chunk().ok_or(MALFORMED)?;
        if signature.is_empty() {
            return Err(MALFORMED);
        }
        Ok(Self { name, id: KeyId(*id), signature: signature.to_vec() })
    }

    /// Verifies the signature of the text by this key, whose name and identifier are those of the line. Returns the time
    /// of a cosignature.
    fn verify(&self, text: &str, key: &VerifierKey, verifier: &dyn NoteVerifier) -> Option<Option<u64>> {
        match key.kind {
            SignatureKind::Log => {
                let signature = crate::Signature(self.signature.as_slice().try_into().ok()?);
                verifier.verify(&key.public_key, text.as_bytes(), &signature).then_some(None)
            }
            SignatureKind::Cosignature => {
                let cosignature = Cosignature::from_bytes(&self.signature)?;
                let message = cosignature.message(text);
                let is_valid = verifier.verify(&key.public_key, message.as_bytes(), &cosignature.signature);
                is_valid.then_some(Some(cosignature.signed_at))
            }
        }
    }
}

impl fmt::Display for SignatureLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "— {} {}", self.name, BASE64.encode([&self.id.0, self.signature.as_slice()].concat()))
    }
}

impl SignedNote {
    /// Creates a note without a signature.
    ///
    /// # Errors
    /// [`NoteFault::Malformed`] if the text does not end with a line feed or contains other control characters.
    pub fn new(text: String) -> Result<Self, NoteFault> {
        if !text.ends_with('\n') {
            return Err(NoteFault::Malformed("the text does not end with a line feed"));
        }
        if text.bytes().any(|byte| byte < b' ' && byte != b'\n') {
            return Err(NoteFault::Malformed("it contains control characters"));
        }
        Ok(Self { text, signatures: Vec::new() })
    }

    /// Adds a signature.
    pub fn add(&mut self, line: SignatureLine) {
        self.signatures.push(line);
    }

    /// The text, with the line feed at its end.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures, by any keys.
    #[must_use]
    pub fn signatures(&self) -> &[SignatureLine] {
        &self.signatures
    }

    /// Parses a note.
    ///
    /// # Errors
    /// [`NoteFault::Malformed`].
    pub fn parse(note: &str) -> Result<Self, NoteFault> {
        if note.len() > MAX_BYTES {
            return Err(NoteFault::Malformed("it is too long"));
        }
        // The text may contain empty lines: the last one separates it from the signatures.
        let (text, lines) = note.rsplit_once("\n\n").ok_or(NoteFault::Malformed("it has no empty line"))?;
        let lines = lines.strip_suffix('\n').ok_or(NoteFault::Malformed("the last line does not end"))?;
        let mut parsed = Self::new(format!("{text}\n"))?;
        for line in lines.split('\n') {
            if parsed.signatures.len() == MAX_SIGNATURES {
                return Err(NoteFault::Malformed("it has too many signatures"));
            }
            parsed.signatures.push(SignatureLine::parse(line)?);
        }
        Ok(parsed)
    }

    /// Verifies the signatures by these keys, and ignores those by others. There may be none.
    ///
    /// # Errors
    /// [`NoteFault::BadSignature`] if one of them is invalid: the whole note is refused then.
    pub fn verify<'key>(
        &self,
        keys: &'key [VerifierKey],
        verifier: &dyn NoteVerifier,
    ) -> Result<Vec<VerifiedSignature<'key>>, NoteFault> {
        let mut verified: Vec<VerifiedSignature<'key>> = Vec::new();
        for line in &self.signatures {
            let Some(key) = keys.iter().find(|key| key.name == line.name && key.id() == line.id) else { continue };
            let bad = || NoteFault::BadSignature { name: line.name.clone(), id: line.id };
            let signed_at = line.verify(&self.text, key, verifier).ok_or_else(bad)?;
            if verified.iter().all(|other| other.key != key) {
                verified.push(VerifiedSignature { key, signed_at });
            }
        }
        Ok(verified)
    }
}

impl fmt::Display for SignedNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}
