//! Texts that are identifiers: a prefix, `_`, and a ULID in its only spelling.

use kernel::Ulid;

const ULID_LENGTH: usize = 26;

/// Prefixes are short; anything longer stays a text.
const MAX_PREFIX: usize = 32;

/// Returns the prefix and the ULID of a text that is an identifier and that [`render`] gives back.
pub(crate) fn parse(text: &str) -> Option<(&str, Ulid)> {
    let (prefix, ulid_text) = text.split_at_checked(text.len().checked_sub(ULID_LENGTH)?)?;
    let prefix = prefix.strip_suffix('_').filter(|prefix| prefix.len() <= MAX_PREFIX)?;
    let ulid = Ulid::from_string(ulid_text).ok()?;
    let mut buffer = [0; ULID_LENGTH];
    (ulid.array_to_str(&mut buffer) == ulid_text).then_some((prefix, ulid))
}

pub(crate) fn render(prefix: &str, ulid: Ulid) -> String {
    let mut text = String::with_capacity(prefix.len() + 1 + ULID_LENGTH);
    let mut buffer = [0; ULID_LENGTH];
    text.push_str(prefix);
    text.push('_');
    text.push_str(ulid.array_to_str(&mut buffer));
    text
}

/// The upper 6 bytes of a ULID.
pub(crate) fn time_bytes(ulid: Ulid) -> [u8; 6] {
    let [a, b, c, d, e, f, ..] = ulid.to_bytes();
    [a, b, c, d, e, f]
}

/// The lower 10 bytes of a ULID.
pub(crate) fn random_bytes(random: u128) -> [u8; 10] {
    let [_, _, _, _, _, _, rest @ ..] = random.to_be_bytes();
    rest
}

pub(crate) fn from_parts(time: [u8; 6], random: [u8; 10]) -> Ulid {
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&time);
    bytes[6..].copy_from_slice(&random);
    Ulid::from_bytes(bytes)
}

pub(crate) fn random_of(bytes: [u8; 10]) -> u128 {
    let mut wide = [0; 16];
    wide[6..].copy_from_slice(&bytes);
    u128::from_be_bytes(wide)
}
