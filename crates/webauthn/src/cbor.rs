//! A bounded reader of CBOR (RFC 8949), as far as authenticators write it: definite lengths, and no tags.

use crate::error::WebauthnError;

/// The maximum nesting. Authenticators nest at most four levels (CTAP 2.1 § 8).
const MAX_DEPTH: usize = 8;

const MALFORMED: WebauthnError = WebauthnError::Malformed("CBOR");

/// Reads items from the beginning of some bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CborReader<'b> {
    rest: &'b [u8],
}

/// The head of an item: its major type and its argument.
struct Head {
    major: u8,
    argument: u64,
}

impl<'b> CborReader<'b> {
    pub(crate) const fn new(bytes: &'b [u8]) -> Self {
        Self { rest: bytes }
    }

    /// The bytes behind the last item that was read.
    pub(crate) const fn rest(&self) -> &'b [u8] {
        self.rest
    }

    fn take(&mut self, count: usize) -> Result<&'b [u8], WebauthnError> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(MALFORMED)?;
        self.rest = rest;
        Ok(taken)
    }

    fn head(&mut self) -> Result<Head, WebauthnError> {
        let first = *self.take(1)?.first().ok_or(MALFORMED)?;
        let argument = match first & 0x1f {
            small @ 0..=23 => u64::from(small),
            size @ 24..=27 => self.take(1 << (size - 24))?.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)),
            // Reserved values, and items without a length.
            _ => return Err(MALFORMED),
        };
        Ok(Head { major: first >> 5, argument })
    }

    fn head_of(&mut self, major: u8) -> Result<u64, WebauthnError> {
        let head = self.head()?;
        if head.major == major { Ok(head.argument) } else { Err(MALFORMED) }
    }

    /// Reads an integer.
    pub(crate) fn int(&mut self) -> Result<i64, WebauthnError> {
        let head = self.head()?;
        let value = i64::try_from(head.argument).map_err(|_| MALFORMED)?;
        match head.major {
            0 => Ok(value),
            1 => Ok(-1 - value),
            _ => Err(MALFORMED),
        }
    }

    /// Reads a byte string.
    pub(crate) fn bytes(&mut self) -> Result<&'b [u8], WebauthnError> {
        let length = self.head_of(2)?;
        self.take(usize::try_from(length).map_err(|_| MALFORMED)?)
    }

    /// Reads a text.
    pub(crate) fn text(&mut self) -> Result<&'b str, WebauthnError> {
        let length = self.head_of(3)?;
        let bytes = self.take(usize::try_from(length).map_err(|_| MALFORMED)?)?;
        std::str::from_utf8(bytes).map_err(|_| MALFORMED)
    }

    /// Reads the head of a map, and returns the number of its pairs. Each takes at least two bytes, so that a caller who
    /// reads them all is done after as many steps as there are bytes.
    pub(crate) fn map(&mut self) -> Result<usize, WebauthnError> {
        let pairs = usize::try_from(self.head_of(5)?).map_err(|_| MALFORMED)?;
        if pairs <= self.rest.len() / 2 { Ok(pairs) } else { Err(MALFORMED) }
    }

    /// Reads an item of any kind, with all within it.
    pub(crate) fn skip(&mut self) -> Result<(), WebauthnError> {
        self.skip_nested(MAX_DEPTH)
    }

    fn skip_nested(&mut self, depth: usize) -> Result<(), WebauthnError> {
        let depth = depth.checked_sub(1).ok_or(MALFORMED)?;
        let Head { major, argument } = self.head()?;
        let items = match major {
            0 | 1 | 7 => return Ok(()),
            2 | 3 => return self.take(usize::try_from(argument).map_err(|_| MALFORMED)?).map(drop),
            4 => argument,
            5 => argument.checked_mul(2).ok_or(MALFORMED)?,
            _ => return Err(MALFORMED),
        };
        // Each item takes at least a byte, so this ends with the input.
        for _ in 0..items {
            self.skip_nested(depth)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }

    /// From RFC 8949, appendix A.
    #[test]
    fn integers_of_the_standard_are_read() {
        for (text, expected) in [
            ("00", 0),
            ("17", 23),
            ("1818", 24),
            ("1903e8", 1000),
            ("1a000f4240", 1_000_000),
            ("1b000000e8d4a51000", 1_000_000_000_000),
            ("20", -1),
            ("3863", -100),
            ("3903e7", -1000),
        ] {
            let bytes = hex(text);
            let mut reader = CborReader::new(&bytes);
            assert_eq!(reader.int(), Ok(expected), "{text}");
            assert!(reader.rest().is_empty());
        }
        assert!(CborReader::new(&hex("1bffffffffffffffff")).int().is_err());
    }

    #[test]
    fn items_of_the_standard_are_skipped_as_a_whole() {
        for text in [
            "f4",
            "f6",
            "f93c00",
            "fb3ff199999999999a",
            "4401020304",
            "6449455446",
            "80",
            "83010203",
            "8301820203820405",
            "a201020304",
            "a26161016162820203",
            "826161a161626163",
        ] {
            let bytes = [hex(text), vec![0xaa]].concat();
            let mut reader = CborReader::new(&bytes);
            assert_eq!(reader.skip(), Ok(()), "{text}");
            assert_eq!(reader.rest(), [0xaa], "{text}");
        }
    }

    #[test]
    fn lengths_without_an_end_tags_and_reserved_values_are_refused() {
        for text in ["5f42010243030405ff", "9fff", "bfff", "ff", "c074", "1c", "1d", "1e", "fc", "d74401020304"] {
            assert!(CborReader::new(&hex(text)).skip().is_err(), "{text}");
        }
    }

    #[test]
    fn lengths_beyond_the_input_are_refused_without_reading_on() {
        for text in
            ["5bffffffffffffffff", "7bffffffffffffffff", "9bffffffffffffffff", "bbffffffffffffffff", "42ff", "a1"]
        {
            assert!(CborReader::new(&hex(text)).skip().is_err(), "{text}");
        }
        assert!(CborReader::new(&hex("bbffffffffffffffff0000")).map().is_err());
        assert!(CborReader::new(&hex("a101")).map().is_err());
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| [vec![0x81; depth], vec![0]].concat();
        assert_eq!(CborReader::new(&nested(MAX_DEPTH - 1)).skip(), Ok(()));
        assert!(CborReader::new(&nested(MAX_DEPTH)).skip().is_err());
        assert!(CborReader::new(&nested(100_000)).skip().is_err());
    }

    proptest! {
        #[test]
        fn no_input_makes_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let mut reader = CborReader::new(&bytes);
            while reader.skip().is_ok() {}
            let _ = CborReader::new(&bytes).int();
            let _ = CborReader::new(&bytes).bytes();
            let _ = CborReader::new(&bytes).text();
            let _ = CborReader::new(&bytes).map();
        }
    }
}
