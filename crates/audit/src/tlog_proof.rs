//! Proofs that a holder can verify offline with the public key of the log (C2SP `tlog-proof`).

use std::{fmt, str::FromStr};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use crate::{
    hash::Hash,
    note::{NoteFault, SignedNote},
    note_key::{NoteVerifier, VerifierKey},
    proof::verify_inclusion,
    tree::leaf_hash,
    tree_head::{TreeHead, VerifiedTreeHead, hash_line, parse_decimal, parse_hash_line},
};

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";

/// The maximum number of hashes: a tree of 2^63 leaves needs no more.
const MAX_HASHES: usize = 63;

/// The maximum length of the extra data in base64.
const MAX_EXTRA: usize = 64 * 1024;

/// A proof that an entry is in a log. Its text form is the only one that parses to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogProof {
    /// Data that nothing authenticates. The proofs of this program have none.
    pub extra: Option<Vec<u8>>,
    /// The index of the entry in the log, from 0 on: its sequence less one.
    pub index: u64,
    /// The proof of inclusion, the hash beside the leaf first.
    pub hashes: Vec<Hash>,
    /// The head of the tree that has the entry.
    pub head: SignedNote,
}

/// The reason that a proof is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofFault {
    /// The text is not a proof.
    #[error("not a proof: {0}")]
    Malformed(&'static str),
    /// The head is refused.
    #[error(transparent)]
    Note(#[from] NoteFault),
    /// The tree does not contain the entry at the index.
    #[error("the log does not contain this entry at index {index}: the entry was changed, or the proof is of another")]
    NotIncluded {
        /// The index that the proof states.
        index: u64,
    },
}

impl TlogProof {
    /// Verifies that a log contains the entry with this hash, with the log's key and those of witnesses.
    ///
    /// # Errors
    /// [`ProofFault`].
    pub fn verify<'key>(
        &self,
        entry: Hash,
        log: &VerifierKey,
        witnesses: &'key [VerifierKey],
        verifier: &dyn NoteVerifier,
    ) -> Result<VerifiedTreeHead<'key>, ProofFault> {
        let verified = TreeHead::verify(&self.head, log, witnesses, verifier)?;
        let TreeHead { size, root, .. } = verified.head;
        let is_included = verify_inclusion(leaf_hash(entry), self.index, size, root, &self.hashes);
        if is_included { Ok(verified) } else { Err(ProofFault::NotIncluded { index: self.index }) }
    }
}

impl fmt::Display for TlogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FIRST_LINE}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", BASE64.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.hashes.iter().try_for_each(|hash| writeln!(f, "{}", hash_line(*hash)))?;
        write!(f, "\n{}", self.head)
    }
}

impl FromStr for TlogProof {
    type Err = ProofFault;

    fn from_str(text: &str) -> Result<Self, ProofFault> {
        let malformed = ProofFault::Malformed;
        let (proof, note) = text.split_once("\n\n").ok_or(malformed("it has no empty line"))?;
        let mut lines = proof.split('\n').peekable();
        if lines.next() != Some(FIRST_LINE) {
            return Err(malformed("the first line is not c2sp.org/tlog-proof@v1"));
        }
        let extra = lines.next_if(|line| line.starts_with("extra ")).map(|line| &line["extra ".len()..]);
        let decode = |extra: &str| if extra.len() <= MAX_EXTRA { BASE64.decode(extra).ok() } else { None };
        let extra = extra.map(|extra| decode(extra).ok_or(malformed("the extra data is no base64"))).transpose()?;
        let index = lines.next().and_then(|line| line.strip_prefix("index ")).and_then(parse_decimal);
        let index = index.ok_or(malformed("the index of the entry is missing"))?;
        let mut hashes = Vec::new();
        for line in lines {
            if hashes.len() == MAX_HASHES {
                return Err(malformed("it has too many hashes"));
            }
            hashes.push(parse_hash_line(line).ok_or(malformed("a line is no hash in base64"))?);
        }
        Ok(Self { extra, index, hashes, head: SignedNote::parse(note)? })
    }
}
