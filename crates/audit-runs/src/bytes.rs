//! Numbers and texts as bytes. LEB128 varints hold unsigned numbers; zigzag makes differences unsigned.

use crate::fault::{RunFault, ensure};

pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_varint(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

/// Writes the length plus one, so that 0 is `None`.
pub(crate) fn put_optional_text(out: &mut Vec<u8>, text: Option<&str>) {
    match text {
        Some(text) => {
            put_varint(out, text.len() as u64 + 1);
            out.extend_from_slice(text.as_bytes());
        }
        None => out.push(0),
    }
}

/// Writes bytes after their length.
pub(crate) fn put_section(out: &mut Vec<u8>, bytes: &[u8]) {
    put_varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

pub(crate) const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

pub(crate) const fn from_zigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// Bytes that are read from the front. Nothing is returned that the bytes do not have.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    pub(crate) fn remaining(&self) -> usize {
        self.bytes.len()
    }

    pub(crate) fn take(&mut self, length: usize) -> Result<&'a [u8], RunFault> {
        let (taken, rest) = self.bytes.split_at_checked(length).ok_or_else(|| RunFault::new("the bytes end early"))?;
        self.bytes = rest;
        Ok(taken)
    }

    pub(crate) fn array<const LENGTH: usize>(&mut self) -> Result<[u8; LENGTH], RunFault> {
        let (taken, rest) =
            self.bytes.split_first_chunk::<LENGTH>().ok_or_else(|| RunFault::new("the bytes end early"))?;
        self.bytes = rest;
        Ok(*taken)
    }

    pub(crate) fn byte(&mut self) -> Result<u8, RunFault> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn varint(&mut self) -> Result<u64, RunFault> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            ensure(bits << shift >> shift == bits, "a number is too large")?;
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(RunFault::new("a number is too long"))
    }

    /// Returns a number of items that take at least one byte each of what remains.
    pub(crate) fn count(&mut self) -> Result<usize, RunFault> {
        let count = self.varint()?;
        usize::try_from(count)
            .ok()
            .filter(|count| *count <= self.remaining())
            .ok_or_else(|| RunFault::new("a length is beyond the end of the bytes"))
    }

    pub(crate) fn section(&mut self) -> Result<Self, RunFault> {
        let length = self.count()?;
        self.take(length).map(Self::new)
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, RunFault> {
        let length = self.count()?;
        self.text_of(length)
    }

    pub(crate) fn optional_text(&mut self) -> Result<Option<&'a str>, RunFault> {
        match self.varint()?.checked_sub(1) {
            Some(length) => self.text_of(usize::try_from(length).unwrap_or(usize::MAX)).map(Some),
            None => Ok(None),
        }
    }

    fn text_of(&mut self, length: usize) -> Result<&'a str, RunFault> {
        str::from_utf8(self.take(length)?).map_err(|_| RunFault::new("a text is not UTF-8"))
    }

    pub(crate) fn finish(self) -> Result<(), RunFault> {
        ensure(self.bytes.is_empty(), "there are bytes behind the end")
    }
}
