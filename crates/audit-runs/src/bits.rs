//! Bits, from the lowest of each byte, and Rice codes of ascending numbers.

use crate::fault::{RunFault, ensure};

#[derive(Default)]
pub(crate) struct BitWriter {
    bytes: Vec<u8>,
    pending: u64,
    length: u32,
}

impl BitWriter {
    /// Writes the lower bits of a value, at most 32.
    pub(crate) fn put(&mut self, value: u64, bits: u32) {
        self.pending |= (value & ((1 << bits) - 1)) << self.length;
        self.length += bits;
        while self.length >= 8 {
            self.bytes.push(self.pending as u8);
            self.pending >>= 8;
            self.length -= 8;
        }
    }

    /// Writes a number as a Rice code: its upper bits as so many ones before a zero, then the lower bits.
    pub(crate) fn put_rice(&mut self, value: u64, low_bits: u32) {
        for _ in 0..value >> low_bits {
            self.put(1, 1);
        }
        self.put(0, 1);
        self.put(value, low_bits);
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        if self.length > 0 {
            self.bytes.push(self.pending as u8);
        }
        self.bytes
    }
}

pub(crate) struct BitReader<'a> {
    bytes: &'a [u8],
    position: usize,
}

impl<'a> BitReader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, position: 0 }
    }

    pub(crate) fn bits(&mut self, count: u32) -> Result<u64, RunFault> {
        let end = self.position + count as usize;
        ensure(end <= self.bytes.len() * 8, "the bits end early")?;
        let mut value = 0;
        let mut read = 0;
        while read < count {
            let offset = self.position % 8;
            let taken = (8 - offset as u32).min(count - read);
            let byte = u64::from(self.bytes[self.position / 8] >> offset);
            value |= (byte & ((1 << taken) - 1)) << read;
            read += taken;
            self.position += taken as usize;
        }
        Ok(value)
    }

    pub(crate) fn rice(&mut self, low_bits: u32) -> Result<u64, RunFault> {
        let mut high = 0_u64;
        while self.bits(1)? == 1 {
            high += 1;
            ensure(high << low_bits <= u64::from(u32::MAX), "a number is too large")?;
        }
        Ok((high << low_bits) | self.bits(low_bits)?)
    }

    /// Whether only the padding of the last byte is left.
    pub(crate) fn is_finished(&self) -> bool {
        self.position.div_ceil(8) == self.bytes.len()
    }
}

/// The number of low bits with which this many ascending numbers below 2^`bits` are shortest, for evenly spread ones.
pub(crate) fn low_bits(count: u64, bits: u32) -> u32 {
    let gap = (1_u64 << bits) / count.max(1);
    gap.max(1).ilog2()
}
