//! Digests of bodies (RFC 9530, and RFC 3230 before it).

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

/// Returns the SHA-256 hash that a `Digest` header of RFC 3230 states.
///
/// # Errors
/// As of [`sha256`].
pub(super) fn sha256_of_rfc3230(value: &[u8]) -> Result<Sha256Hash, &'static str> {
    const EXPECTED: &str = "must have the SHA-256 hash of the body, as SHA-256=base64; or send Content-Digest instead";
    let value = str::from_utf8(value).map_err(|_| EXPECTED)?;
    let mut members = value.split(',').filter_map(|member| member.split_once('='));
    let (_, hash) = members.find(|(name, _)| name.trim().eq_ignore_ascii_case("sha-256")).ok_or(EXPECTED)?;
    STANDARD.decode(hash.trim()).ok().and_then(|hash| hash.try_into().ok()).ok_or(EXPECTED)
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
    fn the_hash_of_the_old_header_has_no_colons() {
        let hash: Sha256Hash = std::array::from_fn(|index| u8::try_from(index).unwrap());
        let encoded = STANDARD.encode(hash);
        for value in [format!("SHA-256={encoded}"), format!("md5=AA==, sha-256={encoded}")] {
            assert_eq!(sha256_of_rfc3230(value.as_bytes()), Ok(hash), "{value}");
        }
        for value in ["", "SHA-256", "SHA-256=", "SHA-256=AA==", "md5=AA==", &sha256_digest(&hash)] {
            assert!(sha256_of_rfc3230(value.as_bytes()).is_err(), "{value}");
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
