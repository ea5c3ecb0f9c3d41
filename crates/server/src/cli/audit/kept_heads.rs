//! Heads of logs that were stored elsewhere: checkpoints as JSON, one a line, and signed notes, in any order.

use std::path::Path;

use audit::{Checkpoint, NoteVerifier, SignedNote, TreeHead, VerifierKey};
use crypto::read_checkpoints;
use kernel::OrganizationId;

use crate::failure::{Failure, ResultExt as _};

/// A head that was stored elsewhere as a note.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct KeptNote {
    /// The organization of the log, which its name ends with.
    pub(super) organization: OrganizationId,
    pub(super) head: TreeHead,
    pub(super) note: SignedNote,
}

/// Heads of logs that were stored elsewhere.
#[derive(Debug, Default)]
pub(super) struct KeptHeads {
    pub(super) checkpoints: Vec<Checkpoint>,
    pub(super) notes: Vec<KeptNote>,
}

impl KeptHeads {
    /// Reads the file of `--checkpoint`, if there is one.
    ///
    /// # Errors
    /// If it can't be read, or has a line that is neither part of a checkpoint nor of a note.
    pub(super) fn read(path: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = path else { return Ok(Self::default()) };
        let text = std::fs::read_to_string(path).context(|| format!("can't read {}", path.display()))?;
        Self::parse(&text).map_err(|error| Failure::new(format!("{}: {error}", path.display())))
    }

    /// The organizations of the heads.
    pub(super) fn organizations(&self) -> impl Iterator<Item = OrganizationId> {
        let of_checkpoints = self.checkpoints.iter().map(|checkpoint| checkpoint.organization);
        of_checkpoints.chain(self.notes.iter().map(|note| note.organization))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut heads = Self::default();
        let mut lines = text.lines().enumerate().peekable();
        while let Some((index, line)) = lines.next() {
            let numbered = |error: String| format!("line {}: {error}", index + 1);
            if line.trim().is_empty() {
                continue;
            }
            if line.trim_start().starts_with('{') {
                let read =
                    read_checkpoints(line).map_err(|error| numbered(error.trim_start_matches("line 1: ").to_owned()));
                heads.checkpoints.extend(read?);
                continue;
            }
            // A note ends with the last of its signatures.
            let mut note = format!("{line}\n");
            let mut is_signed = false;
            while let Some((_, line)) = lines.next_if(|(_, line)| !is_signed || line.starts_with(SIGNATURE)) {
                is_signed = line.starts_with(SIGNATURE);
                note.push_str(line);
                note.push('\n');
            }
            heads.notes.push(KeptNote::parse(&note).map_err(numbered)?);
        }
        let is_empty = heads.checkpoints.is_empty() && heads.notes.is_empty();
        if is_empty { Err("the file contains no checkpoint".to_owned()) } else { Ok(heads) }
    }
}

/// The beginning of the line of a signature.
const SIGNATURE: &str = "— ";

impl KeptNote {
    /// Verifies the signature of the log, whose key is the installation's under any name that its logs ever had.
    ///
    /// # Errors
    /// A description of the fault.
    pub(super) fn verify(&self, public_key: [u8; 32], verifier: &dyn NoteVerifier) -> Result<(), String> {
        let key = VerifierKey::of_log(self.head.origin.clone(), public_key);
        TreeHead::verify(&self.note, &key, &[], verifier)
            .map(drop)
            .map_err(|fault| format!("the note in the --checkpoint file of {} entries: {fault}", self.head.size))
    }

    /// Verifies the cosignatures of these witnesses, of whom at least `required` must have signed.
    ///
    /// # Errors
    /// A description of the fault.
    pub(super) fn verify_witnesses(
        &self,
        witnesses: &[VerifierKey],
        required: usize,
        verifier: &dyn NoteVerifier,
    ) -> Result<(), String> {
        let named = |fault: String| format!("the note in the --checkpoint file of {} entries: {fault}", self.head.size);
        let found = self.note.verify(witnesses, verifier).map_err(|fault| named(fault.to_string()))?.len();
        if found < required {
            let given = witnesses.len();
            return Err(named(format!("{found} of the {given} witnesses have cosigned it, and {required} must have")));
        }
        Ok(())
    }

    fn parse(text: &str) -> Result<Self, String> {
        let note = SignedNote::parse(text).map_err(|fault| format!("neither JSON nor a signed note: {fault}"))?;
        let head = TreeHead::parse(note.text()).map_err(|fault| fault.to_string())?;
        let organization = head.origin.as_str().rsplit('/').next().and_then(|name| name.parse().ok());
        let organization = organization
            .ok_or_else(|| format!("the name {} does not end with that of an organization", head.origin))?;
        Ok(Self { organization, head, note })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOTE: &str = "audit.example.org/org_01KSFQX5Y80000000000000001\n3\n4Y613+1eubLdbBS4I5vSEhMtqCtfbc7/PTnMu9tCSpc=\n\n— audit.example.org/org_01KSFQX5Y80000000000000001 AAAAAQID\n";
    const CHECKPOINT: &str = r#"{"checkpoint":{"hash":"9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08","organizationId":"org_01KSFQX5Y80000000000000001","sequence":1,"signature":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==","signedAt":"2026-05-25T14:08:33.000Z"}}"#;

    #[test]
    fn checkpoints_and_notes_are_read_in_any_order() {
        for text in
            [format!("{NOTE}{CHECKPOINT}\n"), format!("{CHECKPOINT}\n{NOTE}"), format!("\n{NOTE}\n\n{CHECKPOINT}")]
        {
            let heads = KeptHeads::parse(&text).unwrap();
            assert_eq!((heads.checkpoints.len(), heads.notes.len()), (1, 1), "{text}");
            assert_eq!(heads.notes[0].head.size, 3);
            assert_eq!(heads.organizations().collect::<std::collections::BTreeSet<_>>().len(), 1);
        }
        assert_eq!(KeptHeads::parse(&format!("{NOTE}{NOTE}")).unwrap().notes.len(), 2);
    }

    #[test]
    fn a_line_of_something_else_is_named() {
        for (text, message) in [
            (String::new(), "contains no checkpoint"),
            (format!("{CHECKPOINT}\nnonsense\n"), "line 2: neither JSON nor a signed note"),
            (format!("{CHECKPOINT}\n{{}}\n"), "line 2: "),
            (NOTE.replace("org_01KSFQX5Y80000000000000001", "x"), "does not end with that of an organization"),
        ] {
            let error = KeptHeads::parse(&text).unwrap_err();
            assert!(error.contains(message), "{error}");
        }
    }
}
