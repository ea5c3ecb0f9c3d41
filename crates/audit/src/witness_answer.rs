//! The answer of a witness to a head that a log has sent it (C2SP `tlog-witness`).

use crate::{
    note::{NoteFault, SignedNote},
    note_key::{NoteVerifier, VerifierKey},
    witness::{AddCheckpoint, parse_cosignatures, parse_witnessed_size},
};

/// The answer of a witness to [`AddCheckpoint`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WitnessAnswer {
    /// It has cosigned the head.
    Cosigned {
        /// The head with the signatures that were sent, and that of the witness.
        note: SignedNote,
        /// The time of its signature in seconds since 1970.
        signed_at: u64,
    },
    /// It has cosigned last a head of this size, which the request must prove to be the beginning of the new one. If that
    /// is the size in the request, the witness has another tree of the same size.
    OtherSize(u64),
}

/// The reason that a witness has not cosigned a head.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WitnessRefusal {
    /// It follows no log of this name.
    #[error("it follows no log with the name {0}: its operator must add the verifier key of the log")]
    UnknownLog(String),
    /// It has another key for this log.
    #[error("it has another key for the log {0}: its operator must take the present verifier key of the log")]
    UnknownKey(String),
    /// The head does not continue the one that it has cosigned last.
    #[error(
        "it does not accept the proof that the log of {size} entries continues the {old_size} that it has cosigned"
    )]
    NotContinued {
        /// The size that it has cosigned last.
        old_size: u64,
        /// The size of the head.
        size: u64,
    },
    /// The answer has another status.
    #[error("it answered with the status {0}")]
    Status(u16),
    /// The answer has not the form that it must have.
    #[error("its answer is malformed: {0}")]
    Malformed(&'static str),
    /// The answer lacks a signature with the key of the witness.
    #[error("its answer has no signature with the key {0}")]
    Unsigned(String),
    /// The signature is invalid.
    #[error("its signature is invalid")]
    BadSignature,
}

impl AddCheckpoint {
    /// Reads the answer of the witness that has this key.
    ///
    /// # Errors
    /// [`WitnessRefusal`] if the head is not cosigned, and can't be by another proof.
    pub fn read_answer(
        &self,
        (status, body): (u16, &[u8]),
        witness: &VerifierKey,
        verifier: &dyn NoteVerifier,
    ) -> Result<WitnessAnswer, WitnessRefusal> {
        let origin = || self.head.text().lines().next().unwrap_or_default().to_owned();
        let body = || std::str::from_utf8(body).map_err(|_| WitnessRefusal::Malformed("it is no text in UTF-8"));
        match status {
            200 => self.read_cosignature(body()?, witness, verifier),
            409 => parse_witnessed_size(body()?)
                .map(WitnessAnswer::OtherSize)
                .ok_or(WitnessRefusal::Malformed("a conflict without the size that it has cosigned")),
            403 => Err(WitnessRefusal::UnknownKey(origin())),
            404 => Err(WitnessRefusal::UnknownLog(origin())),
            422 => {
                let size = self.head.text().lines().nth(1).and_then(|size| size.parse().ok()).unwrap_or_default();
                Err(WitnessRefusal::NotContinued { old_size: self.old_size, size })
            }
            other => Err(WitnessRefusal::Status(other)),
        }
    }

    fn read_cosignature(
        &self,
        body: &str,
        witness: &VerifierKey,
        verifier: &dyn NoteVerifier,
    ) -> Result<WitnessAnswer, WitnessRefusal> {
        let lines = parse_cosignatures(body).map_err(|fault| match fault {
            NoteFault::Malformed(reason) => WitnessRefusal::Malformed(reason),
            NoteFault::BadSignature { .. } | NoteFault::Unsigned(_) => WitnessRefusal::BadSignature,
        })?;
        let line = lines.into_iter().find(|line| line.name == witness.name && line.id == witness.id());
        let mut note = self.head.clone();
        note.add(line.ok_or_else(|| WitnessRefusal::Unsigned(witness.to_string()))?);
        let verified = note.verify(std::slice::from_ref(witness), verifier);
        match verified.ok().and_then(|keys| keys.first().and_then(|verified| verified.signed_at)) {
            Some(signed_at) => Ok(WitnessAnswer::Cosigned { note, signed_at }),
            None => Err(WitnessRefusal::BadSignature),
        }
    }
}
