//! Texts in JSON (RFC 8259 § 7).

/// How many bytes of a text are looked at without a way out in the middle, so that the compiler looks at all of them at once.
pub(super) const STRIDE: usize = 32;

const fn escaped(byte: u8) -> bool {
    byte < b' ' || byte == b'"' || byte == b'\\'
}

/// Whether none of so many bytes is to be escaped.
fn plain<const N: usize>(bytes: &[u8; N]) -> bool {
    !bytes.iter().fold(false, |any, byte| any | escaped(*byte))
}

/// Where the first byte is that can't stand as it is.
pub(super) fn first_escaped(text: &[u8]) -> Option<usize> {
    let long = text.as_chunks::<STRIDE>().0.iter().take_while(|bytes| plain(bytes)).count() * STRIDE;
    let rest = text.get(long..)?;
    let short = rest.as_chunks::<8>().0.iter().take_while(|bytes| plain(bytes)).count() * 8;
    let last = rest.get(short..)?.iter().position(|byte| escaped(*byte))?;
    Some(long + short + last)
}

/// Writes a text at the end of `out`, with what can't stand as it is escaped.
pub(super) fn escape(out: &mut Vec<u8>, mut text: &[u8]) {
    while let Some((plain, rest)) = first_escaped(text).and_then(|place| text.split_at_checked(place)) {
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
                let digit = |place: u8| HEX[usize::from(other >> place & 15)];
                out.extend_from_slice(&[b'\\', b'u', b'0', b'0', digit(4), digit(0)]);
            }
        }
        text = after;
    }
    out.extend_from_slice(text);
}
