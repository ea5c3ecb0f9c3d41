//! The digest at the end of a backup.

use std::{
    fmt::Write as _,
    io::{self, Read},
};

use sha2::{Digest as _, Sha256};

/// SHA-256 over the entries written or read so far.
#[derive(Clone, Default)]
pub(super) struct Digest(Sha256);

impl Digest {
    /// Hashes the name and the length of the next entry.
    pub(super) fn start_entry(&mut self, name: &str, length: u64) {
        self.0.update(name.as_bytes());
        self.0.update([0]);
        self.0.update(length.to_be_bytes());
    }

    /// Wraps a reader so that the bytes read from it are hashed.
    pub(super) fn tee<R: Read>(&mut self, from: R) -> Tee<'_, R> {
        Tee { digest: self, from, length: 0 }
    }

    /// The digest in hexadecimal.
    pub(super) fn into_hex(self) -> String {
        self.0.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

/// A reader that hashes and counts the bytes read.
pub(super) struct Tee<'d, R> {
    digest: &'d mut Digest,
    from: R,
    /// Number of bytes read so far.
    pub(super) length: u64,
}

impl<R: Read> Read for Tee<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(into)?;
        self.digest.0.update(into.get(..read).unwrap_or_default());
        self.length += read as u64;
        Ok(read)
    }
}
