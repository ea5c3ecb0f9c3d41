//! A reader of JSON that accepts only the spelling of RFC 8785, with the members that the caller expects.

use std::{ops::Range, str::FromStr};

use kernel::Timestamp;

/// A value without members, as the changes of an entry have them. Only values that are compared with something are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scalar<'line> {
    Integer(i64),
    /// A string without escape sequences.
    String(&'line str),
    Other,
}

/// Reads a line from left to right.
pub(crate) struct CanonicalReader<'line> {
    line: &'line str,
    position: usize,
}

impl<'line> CanonicalReader<'line> {
    pub(crate) fn new(line: &'line str) -> Self {
        Self { line, position: 0 }
    }

    pub(crate) fn position(&self) -> usize {
        self.position
    }

    pub(crate) fn text(&self, range: Range<usize>) -> &'line str {
        &self.line[range]
    }

    /// Passes over this text, if it is next.
    pub(crate) fn skip(&mut self, text: &str) -> bool {
        let is_next = self.rest().starts_with(text);
        if is_next {
            self.position += text.len();
        }
        is_next
    }

    /// Passes over this text: names of members with the punctuation around them.
    ///
    /// # Errors
    /// If something else is next: a member is missing, doubled, added or moved, or there is white space.
    pub(crate) fn expect(&mut self, text: &str) -> Result<&mut Self, String> {
        if self.skip(text) { Ok(self) } else { Err(self.unexpected(&format!("{text} must follow"))) }
    }

    /// # Errors
    /// If something follows.
    pub(crate) fn end(&self) -> Result<(), String> {
        if self.rest().is_empty() { Ok(()) } else { Err(self.unexpected("the line must end")) }
    }

    /// Reads a string, and returns it as it is spelled between the quotes.
    ///
    /// # Errors
    /// If there is none, or its spelling is not that of RFC 8785 § 3.2.2.2.
    pub(crate) fn string(&mut self) -> Result<&'line str, String> {
        if !self.skip("\"") {
            return Err(self.unexpected("a string must follow"));
        }
        let (start, bytes) = (self.position, self.line.as_bytes());
        loop {
            match bytes.get(self.position) {
                Some(b'"') => break,
                Some(b'\\') => self.escape_sequence()?,
                Some(b' '..) => self.position += 1,
                Some(_) => return Err(self.unexpected("control characters must be escaped")),
                None => return Err(self.unexpected("the string must end")),
            }
        }
        self.position += 1;
        Ok(&self.line[start..self.position - 1])
    }

    fn escape_sequence(&mut self) -> Result<(), String> {
        let sequence = &self.line.as_bytes()[self.position + 1..];
        let length = match sequence {
            [b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
            [b'u', b'0', b'0', high @ (b'0' | b'1'), low @ (b'0'..=b'9' | b'a'..=b'f'), ..]
                // These have the sequences above.
                if *high == b'1' || !matches!(low, b'8' | b'9' | b'a' | b'c' | b'd') =>
            {
                6
            }
            _ => return Err(self.unexpected("RFC 8785 spells this character in another way")),
        };
        self.position += length;
        Ok(())
    }

    /// # Errors
    /// As [`Self::string`].
    pub(crate) fn optional_string(&mut self) -> Result<Option<&'line str>, String> {
        if self.skip("null") { Ok(None) } else { self.string().map(Some) }
    }

    /// Reads a string that is the text form of a value.
    ///
    /// # Errors
    /// If there is no string, or it is not such a text.
    pub(crate) fn parsed<T: FromStr<Err: std::fmt::Display>>(&mut self, member: &str) -> Result<T, String> {
        self.string()?.parse().map_err(|error| format!("{member}: {error}"))
    }

    /// Reads a time in the one spelling that is exported.
    ///
    /// # Errors
    /// If it is not next.
    pub(crate) fn timestamp(&mut self, member: &str) -> Result<Timestamp, String> {
        let text = self.string()?;
        let time: Timestamp = text.parse().map_err(|error| format!("{member}: {error}"))?;
        if time.to_string() == text { Ok(time) } else { Err(format!("{member} must be spelled {time}")) }
    }

    /// Reads an integer.
    ///
    /// # Errors
    /// If there is none, or it has leading zeros, a fraction or an exponent.
    pub(crate) fn integer(&mut self) -> Result<i64, String> {
        let rest = self.rest();
        let digits = rest.strip_prefix('-').unwrap_or(rest);
        let sign = rest.len() - digits.len();
        let length = sign + digits.bytes().take_while(u8::is_ascii_digit).count();
        let is_canonical = match digits.as_bytes() {
            [b'0', ..] => sign == 0 && length == 1,
            [b'1'..=b'9', ..] => true,
            _ => false,
        };
        let number = if is_canonical { rest[..length].parse().ok() } else { None };
        let number = number.ok_or_else(|| self.unexpected("an integer must follow"))?;
        self.position += length;
        Ok(number)
    }

    /// # Errors
    /// As [`Self::integer`].
    pub(crate) fn optional_integer(&mut self) -> Result<Option<i64>, String> {
        if self.skip("null") { Ok(None) } else { self.integer().map(Some) }
    }

    /// Reads the value of a field before or after a change.
    ///
    /// # Errors
    /// If there is none.
    pub(crate) fn value(&mut self) -> Result<Scalar<'line>, String> {
        if ["null", "true", "false"].into_iter().any(|word| self.skip(word)) {
            return Ok(Scalar::Other);
        }
        if self.skip("[") {
            let mut is_first = true;
            while !self.skip("]") {
                if !is_first {
                    self.expect(",")?;
                }
                self.string()?;
                is_first = false;
            }
            return Ok(Scalar::Other);
        }
        if self.rest().starts_with('"') {
            let text = self.string()?;
            return Ok(if text.contains('\\') { Scalar::Other } else { Scalar::String(text) });
        }
        self.integer().map(Scalar::Integer)
    }

    fn rest(&self) -> &'line str {
        &self.line[self.position..]
    }

    fn unexpected(&self, rule: &str) -> String {
        let found: String = self.rest().chars().take(20).collect();
        format!("byte {}: {rule}, but the line has {found:?} there", self.position + 1)
    }
}
