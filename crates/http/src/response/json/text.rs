//! Escaping of strings in JSON (RFC 8259 § 7).

/// The number of bytes that are checked without an early exit, so that the compiler can vectorize the check.
pub(super) const STRIDE: usize = 32;

/// Whether this byte must be escaped.
const fn needs_escape(byte: u8) -> bool {
    byte < b' ' || byte == b'"' || byte == b'\\'
}

/// Whether none of these bytes must be escaped.
fn needs_no_escape<const N: usize>(bytes: &[u8; N]) -> bool {
    !bytes.iter().fold(false, |any, byte| any | needs_escape(*byte))
}

/// Returns the index of the first byte that must be escaped.
pub(super) fn first_escaped(text: &[u8]) -> Option<usize> {
    let long = text.as_chunks::<STRIDE>().0.iter().take_while(|bytes| needs_no_escape(bytes)).count() * STRIDE;
    let rest = text.get(long..)?;
    let short = rest.as_chunks::<8>().0.iter().take_while(|bytes| needs_no_escape(bytes)).count() * 8;
    let last = rest.get(short..)?.iter().position(|byte| needs_escape(*byte))?;
    Some(long + short + last)
}

/// Appends a string to `out` and escapes it where necessary.
pub(super) fn escape(out: &mut Vec<u8>, mut text: &[u8]) {
    while let Some((plain, rest)) = first_escaped(text).and_then(|index| text.split_at_checked(index)) {
        out.extend_from_slice(plain);
        let Some((byte, after)) = rest.split_first() else { return };
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\t' => out.extend_from_slice(b"\\t"),
            b'\r' => out.extend_from_slice(b"\\r"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            other => {
                const HEX: &[u8; 16] = b"0123456789abcdef";
                let digit = |shift: u8| HEX[usize::from(other >> shift & 15)];
                out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(4), digit(0)]);
            }
        }
        text = after;
    }
    out.extend_from_slice(text);
}
