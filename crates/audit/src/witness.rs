//! The texts that logs and witnesses exchange (C2SP `tlog-witness`).

use std::{fmt, str::FromStr};

use crate::{
    hash::Hash,
    note::{NoteFault, SignatureLine, SignedNote},
    tree_head::{hash_line, parse_decimal, parse_hash_line},
};

/// The maximum number of hashes in a request.
const MAX_HASHES: usize = 63;

/// The maximum number of lines in an answer that is parsed.
const MAX_LINES: usize = 64;

/// The body of the request `add-checkpoint`, by which a log asks a witness to cosign its head.
///
/// The witness answers with the lines of its signatures (200, [`parse_cosignatures`]), or with the size that it has
/// cosigned last if that is not `old_size` (409, [`parse_witnessed_size`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size that the witness has cosigned last; 0 if it has cosigned none.
    pub old_size: u64,
    /// The proof that the head's tree begins with the one of that size; empty if that is 0.
    pub hashes: Vec<Hash>,
    /// The head, with the signature of the log.
    pub head: SignedNote,
}

impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old_size)?;
        self.hashes.iter().try_for_each(|hash| writeln!(f, "{}", hash_line(*hash)))?;
        write!(f, "\n{}", self.head)
    }
}

impl FromStr for AddCheckpoint {
    type Err = NoteFault;

    fn from_str(text: &str) -> Result<Self, NoteFault> {
        let (head, note) = text.split_once("\n\n").ok_or(NoteFault::Malformed("it has no empty line"))?;
        let mut lines = head.split('\n');
        let old_size = lines.next().and_then(|line| line.strip_prefix("old ")).and_then(parse_decimal);
        let old_size = old_size.ok_or(NoteFault::Malformed("the old size is missing"))?;
        let hashes: Option<Vec<Hash>> = lines.map(parse_hash_line).collect();
        let hashes = hashes.ok_or(NoteFault::Malformed("a line is no hash in base64"))?;
        if hashes.len() > MAX_HASHES {
            return Err(NoteFault::Malformed("it has too many hashes"));
        }
        Ok(Self { old_size, hashes, head: SignedNote::parse(note)? })
    }
}

/// Parses the answer of a witness that has signed: the lines of its signatures, which the log adds to its note. Their
/// signatures are not verified here.
///
/// # Errors
/// [`NoteFault::Malformed`].
pub fn parse_cosignatures(body: &str) -> Result<Vec<SignatureLine>, NoteFault> {
    let lines = body.strip_suffix('\n').ok_or(NoteFault::Malformed("the last line does not end"))?;
    if lines.split('\n').count() > MAX_LINES {
        return Err(NoteFault::Malformed("it has too many signatures"));
    }
    lines.split('\n').map(SignatureLine::parse).collect()
}

/// Parses the answer of a witness that has cosigned another size than the request assumes: that size.
#[must_use]
pub fn parse_witnessed_size(body: &str) -> Option<u64> {
    body.strip_suffix('\n').and_then(parse_decimal)
}
