//! Numbers and identifiers in rows: LEB128, and ULIDs as 16 bytes.

use std::ops::RangeInclusive;

use kernel::Ulid;

/// Appends a number of variable length.
pub(crate) fn put_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}

/// Appends an identifier.
pub(crate) fn put_ulid(bytes: &mut Vec<u8>, ulid: Ulid) {
    bytes.extend_from_slice(&ulid.to_bytes());
}

/// Appends ascending ranges that do not touch.
pub(crate) fn put_ranges<'range>(
    bytes: &mut Vec<u8>,
    ranges: impl ExactSizeIterator<Item = &'range RangeInclusive<u64>>,
) {
    put_number(bytes, ranges.len() as u64);
    let mut end = 0;
    for range in ranges {
        put_number(bytes, range.start() - end);
        put_number(bytes, range.end() - range.start());
        end = *range.end();
    }
}

/// The bytes that are still to be read. Each method returns `None` if they are not what is expected.
pub(crate) struct Unread<'bytes>(pub(crate) &'bytes [u8]);

impl<'bytes> Unread<'bytes> {
    pub(crate) fn take(&mut self, length: usize) -> Option<&'bytes [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|bytes| bytes[0])
    }

    pub(crate) fn ulid(&mut self) -> Option<Ulid> {
        self.take(16)?.try_into().ok().map(Ulid::from_bytes)
    }

    pub(crate) fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                return None;
            }
            number |= bits << shift;
            if byte < 0x80 {
                // A number has one spelling: the shortest.
                return (byte > 0 || shift == 0).then_some(number);
            }
        }
        None
    }

    pub(crate) fn length(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok()
    }

    pub(crate) fn ranges(&mut self, max: usize) -> Option<Vec<RangeInclusive<u64>>> {
        let count = self.length().filter(|count| *count <= max)?;
        let mut ranges = Vec::with_capacity(count);
        let mut end = 0_u64;
        for _ in 0..count {
            let start = end.checked_add(self.number().filter(|skipped| *skipped > 0)?)?;
            end = start.checked_add(self.number()?)?;
            ranges.push(start..=end);
        }
        Some(ranges)
    }
}
