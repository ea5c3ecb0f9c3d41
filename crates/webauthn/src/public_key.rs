//! Public keys of credentials, as COSE keys (RFC 9052, RFC 9053, RFC 8230).

use aws_lc_rs::{
    rsa::PublicKeyComponents,
    signature::{ECDSA_P256_SHA256_ASN1, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256},
};

use crate::{cbor::CborReader, error::WebauthnError};

/// The maximum length of a stored key in bytes. One of RSA with 4096 bits has 530.
pub(crate) const MAX_PUBLIC_KEY: usize = 1024;

/// The COSE identifiers of the algorithms that are offered to authenticators, the preferred first.
pub(crate) const ALGORITHMS: [i64; 3] = [EDDSA, ES256, RS256];

pub(crate) const ES256: i64 = -7;
pub(crate) const EDDSA: i64 = -8;
pub(crate) const RS256: i64 = -257;

const UNSUPPORTED: WebauthnError = WebauthnError::UnsupportedKey;

/// A key that signatures are verified with.
pub(crate) enum PublicKey<'b> {
    /// A key on a curve, which the library has checked to be on it.
    Curve(Box<ParsedPublicKey>),
    /// An RSA key.
    Rsa(PublicKeyComponents<&'b [u8]>),
}

/// The members of a COSE key that one of the algorithms has. The labels -1 to -3 mean different things in each.
#[derive(Default)]
struct Members<'b> {
    kind: Option<i64>,
    algorithm: Option<i64>,
    curve: Option<i64>,
    bytes: [Option<&'b [u8]>; 3],
}

impl<'b> Members<'b> {
    fn parse(cose: &'b [u8]) -> Result<Self, WebauthnError> {
        let mut members = Self::default();
        let mut reader = CborReader::new(cose);
        for _ in 0..reader.map()? {
            let label = reader.int()?;
            let is_repeated = match label {
                1 => members.kind.replace(reader.int()?).is_some(),
                3 => members.algorithm.replace(reader.int()?).is_some(),
                -3..=-1 => {
                    let mut ahead = reader;
                    let slot = &mut members.bytes[usize::try_from(-1 - label).unwrap_or_default()];
                    if let Ok(bytes) = ahead.bytes() {
                        reader = ahead;
                        slot.replace(bytes).is_some()
                    } else if label == -1 {
                        members.curve.replace(reader.int()?).is_some()
                    } else {
                        return Err(UNSUPPORTED);
                    }
                }
                _ => {
                    reader.skip()?;
                    false
                }
            };
            if is_repeated {
                return Err(UNSUPPORTED);
            }
        }
        if reader.rest().is_empty() { Ok(members) } else { Err(UNSUPPORTED) }
    }
}

impl<'b> PublicKey<'b> {
    /// Reads a key of one of [`ALGORITHMS`].
    pub(crate) fn parse(cose: &'b [u8]) -> Result<Self, WebauthnError> {
        if cose.len() > MAX_PUBLIC_KEY {
            return Err(UNSUPPORTED);
        }
        let members = Members::parse(cose)?;
        match (members.algorithm, members.kind, members.curve, members.bytes) {
            (Some(ES256), Some(2), Some(1), [None, Some(x), Some(y)]) if x.len() == 32 && y.len() == 32 => {
                let point = [&[4], x, y].concat();
                let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).map_err(|_| UNSUPPORTED)?;
                Ok(Self::Curve(Box::new(key)))
            }
            (Some(EDDSA), Some(1), Some(6), [None, Some(x), None]) if x.len() == 32 => {
                let key = ParsedPublicKey::new(&ED25519, x).map_err(|_| UNSUPPORTED)?;
                Ok(Self::Curve(Box::new(key)))
            }
            (Some(RS256), Some(3), None, [Some(n), Some(e), None]) if is_rsa_key(n, e) => {
                Ok(Self::Rsa(PublicKeyComponents { n, e }))
            }
            _ => Err(UNSUPPORTED),
        }
    }

    /// Checks a signature over the message.
    pub(crate) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), WebauthnError> {
        let verified = match self {
            Self::Curve(key) => key.verify_sig(message, signature),
            Self::Rsa(key) => key.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature),
        };
        verified.map_err(|_| WebauthnError::Signature)
    }
}

/// Whether the numbers are those of a key with 2048 to 4096 bits and a small odd exponent, without leading zeros.
fn is_rsa_key(n: &[u8], e: &[u8]) -> bool {
    let is_number = |bytes: &[u8]| bytes.first().is_some_and(|first| *first != 0);
    let is_odd = |bytes: &[u8]| bytes.last().is_some_and(|last| last & 1 == 1);
    (256..=512).contains(&n.len())
        && is_number(n)
        && is_odd(n)
        && (1..=4).contains(&e.len())
        && is_number(e)
        && is_odd(e)
        && e != [1]
}
