//! The digest that ends a backup.

use std::{
    fmt::Write as _,
    io::{self, Read},
};

use sha2::{Digest as _, Sha256};

/// Of what has been written or read so far.
#[derive(Clone, Default)]
pub(super) struct Digest(Sha256);

impl Digest {
    /// Takes in the name and the length of the next entry.
    pub(super) fn begin(&mut self, name: &str, length: u64) {
        self.0.update(name.as_bytes());
        self.0.update([0]);
        self.0.update(length.to_be_bytes());
    }

    /// Takes in what is read, on its way.
    pub(super) fn tee<R: Read>(&mut self, from: R) -> Tee<'_, R> {
        Tee { digest: self, from, length: 0 }
    }

    pub(super) fn text(self) -> String {
        self.0.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}

/// Contents on their way.
pub(super) struct Tee<'d, R> {
    digest: &'d mut Digest,
    from: R,
    /// How much came by.
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
