//! Digests of bodies (RFC 9530).

use base64::{Engine as _, engine::general_purpose::STANDARD};

/// A SHA-256 hash.
pub type Sha256Hash = [u8; 32];

/// Returns the SHA-256 hash that a digest header states.
///
/// # Errors
/// A message about a malformed header, or one without such a hash: a digest that is not checked must not look as if it
/// were.
pub(super) fn sha256(value: &[u8]) -> Result<Sha256Hash, &'static str> {
    const EXPECTED: &str = "must have the SHA-256 hash of the body, as sha-256=:base64:";
    let value = str::from_utf8(value).map_err(|_| EXPECTED)?;
    let mut members = value.split(',').filter_map(|member| member.split_once('='));
    let (_, hash) = members.find(|(name, _)| name.trim().eq_ignore_ascii_case("sha-256")).ok_or(EXPECTED)?;
    let hash = hash.split(';').next().unwrap_or_default().trim();
    let encoded = hash.strip_prefix(':').and_then(|hash| hash.strip_suffix(':')).ok_or(EXPECTED)?;
    STANDARD.decode(encoded).ok().and_then(|hash| hash.try_into().ok()).ok_or(EXPECTED)
}

/// Returns the value of a digest header with this hash.
#[must_use]
pub fn sha256_digest(hash: &Sha256Hash) -> String {
    format!("sha-256=:{}:", STANDARD.encode(hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_read_among_those_of_other_algorithms() {
        let hash: Sha256Hash = std::array::from_fn(|index| u8::try_from(index).unwrap());
        let digest = sha256_digest(&hash);
        assert_eq!(digest, "sha-256=:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=:");
        for value in [digest.clone(), format!("sha-512=:AA==:, {digest}"), digest.replace("sha", "SHA") + ";a=1"] {
            assert_eq!(sha256(value.as_bytes()), Ok(hash), "{value}");
        }
    }

    #[test]
    fn a_digest_that_is_not_checked_is_refused() {
        for value in [
            "",
            "sha-256",
            "sha-256=",
            "sha-256=:AA==:",
            "sha-256=AAEC",
            "sha-256=:%%%%:",
            "sha-512=:AA==:",
            "md5=:AA==:",
        ] {
            assert!(sha256(value.as_bytes()).is_err(), "{value}");
        }
    }
}
