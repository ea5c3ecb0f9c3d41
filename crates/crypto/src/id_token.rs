//! The signatures of ID tokens, verified with the keys that a provider publishes.

use auth::IdTokenFault;
use aws_lc_rs::digest::{self, SHA256, SHA384, SHA512};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, decode, decode_header,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse},
};
use serde_json::Value;

/// The maximum length of an ID token in bytes. A person may be in hundreds of groups.
const MAX_LENGTH: usize = 128 * 1024;

/// The maximum number of keys that are read.
const MAX_KEYS: usize = 64;

/// The algorithms that are accepted: those with a public key. With a shared secret, or none, whoever knows the public
/// documents of the provider could make tokens.
const ALGORITHMS: [(Algorithm, KeyAlgorithm); 9] = [
    (Algorithm::RS256, KeyAlgorithm::RS256),
    (Algorithm::RS384, KeyAlgorithm::RS384),
    (Algorithm::RS512, KeyAlgorithm::RS512),
    (Algorithm::PS256, KeyAlgorithm::PS256),
    (Algorithm::PS384, KeyAlgorithm::PS384),
    (Algorithm::PS512, KeyAlgorithm::PS512),
    (Algorithm::ES256, KeyAlgorithm::ES256),
    (Algorithm::ES384, KeyAlgorithm::ES384),
    (Algorithm::EdDSA, KeyAlgorithm::EdDSA),
];

/// The keys of a provider that can verify ID tokens.
#[derive(Default)]
pub struct ProviderKeys(Vec<Jwk>);

/// An ID token whose signature is right.
#[derive(Debug)]
pub struct VerifiedIdToken {
    /// The claims.
    pub claims: Value,
    algorithm: Algorithm,
}

impl ProviderKeys {
    /// Reads a key set (RFC 7517). Keys for other purposes, and those of kinds that are not known, are left out; `None` if
    /// the document is no key set.
    #[must_use]
    pub fn parse(document: &Value) -> Option<Self> {
        let keys = document.get("keys")?.as_array()?;
        let readable = keys.iter().filter_map(|key| serde_json::from_value::<Jwk>(key.clone()).ok());
        Some(Self(readable.filter(is_for_signatures).take(MAX_KEYS).collect()))
    }

    /// Verifies the signature of an ID token.
    ///
    /// # Errors
    /// [`IdTokenFault::Malformed`], [`IdTokenFault::Algorithm`], [`IdTokenFault::UnknownKey`],
    /// [`IdTokenFault::Signature`].
    pub fn verify(&self, token: &str) -> Result<VerifiedIdToken, IdTokenFault> {
        if token.len() > MAX_LENGTH || token.split('.').count() != 3 {
            return Err(IdTokenFault::Malformed);
        }
        let (algorithm, key_algorithm, key_id) = header_of(token)?;
        let fits = |key: &&Jwk| {
            is_of_kind(key, algorithm) && key.common.key_algorithm.is_none_or(|named| named == key_algorithm)
        };
        let mut candidates: Vec<&Jwk> = self.0.iter().filter(fits).collect();
        if let Some(id) = key_id {
            candidates.retain(|key| key.common.key_id.as_ref() == Some(&id));
        }
        let mut fault = IdTokenFault::UnknownKey;
        for key in candidates {
            match verify_with(key, algorithm, token) {
                Ok(claims) => return Ok(VerifiedIdToken { claims, algorithm }),
                Err(found) => fault = found,
            }
        }
        Err(fault)
    }
}

/// Reads the algorithm and the identifier of the key from the header of a token.
fn header_of(token: &str) -> Result<(Algorithm, KeyAlgorithm, Option<String>), IdTokenFault> {
    let encoded = token.split('.').next().unwrap_or_default();
    let header = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| IdTokenFault::Malformed)?;
    let header: Value = serde_json::from_slice(&header).map_err(|_| IdTokenFault::Malformed)?;
    let named = header.get("alg").and_then(Value::as_str).ok_or(IdTokenFault::Malformed)?;
    let allowed = ALGORITHMS.into_iter().find(|(_, name)| name.to_string() == named);
    let (algorithm, key_algorithm) = allowed.ok_or(IdTokenFault::Algorithm)?;
    let parsed = decode_header(token).map_err(|_| IdTokenFault::Malformed)?;
    // Extensions that must be understood, of which none is.
    if parsed.alg != algorithm || header.get("crit").is_some() {
        return Err(IdTokenFault::Malformed);
    }
    Ok((algorithm, key_algorithm, parsed.kid))
}

fn verify_with(key: &Jwk, algorithm: Algorithm, token: &str) -> Result<Value, IdTokenFault> {
    let key = DecodingKey::from_jwk(key).map_err(|_| IdTokenFault::UnknownKey)?;
    let mut validation = Validation::new(algorithm);
    // The claims are checked by the caller, with a clock of its own.
    validation.required_spec_claims.clear();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    decode::<Value>(token, &key, &validation).map(|data| data.claims).map_err(|_| IdTokenFault::Signature)
}

/// Whether the key is of the kind that the algorithm needs.
fn is_of_kind(key: &Jwk, algorithm: Algorithm) -> bool {
    match (&key.algorithm, algorithm) {
        (AlgorithmParameters::EllipticCurve(key), Algorithm::ES256) => key.curve == EllipticCurve::P256,
        (AlgorithmParameters::EllipticCurve(key), Algorithm::ES384) => key.curve == EllipticCurve::P384,
        (AlgorithmParameters::OctetKeyPair(key), Algorithm::EdDSA) => key.curve == EllipticCurve::Ed25519,
        (AlgorithmParameters::RSA(_), algorithm) => {
            !matches!(algorithm, Algorithm::ES256 | Algorithm::ES384 | Algorithm::EdDSA)
        }
        _ => false,
    }
}

fn is_for_signatures(key: &Jwk) -> bool {
    key.common.public_key_use.as_ref().is_none_or(|purpose| *purpose == PublicKeyUse::Signature)
}

impl VerifiedIdToken {
    /// Whether `at_hash`, if the token has it, fits the access token (OpenID Connect Core, section 3.1.3.6).
    #[must_use]
    pub fn fits_access_token(&self, access_token: Option<&str>) -> bool {
        let Some(expected) = self.claims.get("at_hash") else { return true };
        let hash = match self.algorithm {
            Algorithm::RS256 | Algorithm::PS256 | Algorithm::ES256 => &SHA256,
            Algorithm::RS384 | Algorithm::PS384 | Algorithm::ES384 => &SHA384,
            _ => &SHA512,
        };
        let half = |token: &str| {
            let hash = digest::digest(hash, token.as_bytes());
            URL_SAFE_NO_PAD.encode(&hash.as_ref()[..hash.as_ref().len() / 2])
        };
        access_token.map(half).as_deref() == expected.as_str().filter(|text| !text.is_empty())
    }
}
