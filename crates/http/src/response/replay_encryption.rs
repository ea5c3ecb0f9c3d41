//! The form in which responses are stored for replay. Those that hold a secret are encrypted: they can only be decrypted
//! for the idempotency key that they were stored under (contract v1 § 4). The others are compressed.

use kernel::{Entropy, IdempotencyKey, StoredResponse};

use super::{ApiResponse, Problem, replay_compression};

/// Encrypts responses that hold a secret, while they are stored for replay.
pub trait ResponseCipher: Send + Sync {
    /// Returns the encrypted body. It can only be decrypted with the same `purpose`.
    fn encrypt(&self, entropy: &dyn Entropy, purpose: &str, body: &[u8]) -> Vec<u8>;
    /// Returns the decrypted body, or `None` if it was not encrypted here for this `purpose` or was altered.
    fn decrypt(&self, purpose: &str, encrypted: &[u8]) -> Option<Vec<u8>>;
}

/// The header that marks a stored response whose body is encrypted. It is never sent to a client.
const ENCRYPTED_MARKER: &str = "novantra-sealed";

/// Returns the response as it is stored for replay: encrypted if it is confidential, otherwise compressed.
pub(crate) fn to_stored(
    cipher: &dyn ResponseCipher,
    entropy: &dyn Entropy,
    key: &IdempotencyKey,
    response: &ApiResponse,
) -> StoredResponse {
    let mut stored = response.to_stored();
    if response.confidential {
        stored.body = cipher.encrypt(entropy, &encryption_purpose(key), &stored.body).into();
        stored.headers.push((ENCRYPTED_MARKER.to_owned(), "1".to_owned()));
    } else {
        replay_compression::compress(&mut stored);
    }
    stored
}

/// Returns the response to replay from the stored one.
pub(crate) fn from_stored(
    cipher: &dyn ResponseCipher,
    key: &IdempotencyKey,
    mut stored: StoredResponse,
) -> Result<ApiResponse, Problem> {
    if stored.headers.iter().any(|(name, _)| name == ENCRYPTED_MARKER) {
        stored.headers.retain(|(name, _)| name != ENCRYPTED_MARKER);
        let body = cipher.decrypt(&encryption_purpose(key), &stored.body).ok_or_else(|| {
            tracing::error!(
                "a stored response could not be decrypted: it was altered, or belongs to another idempotency key"
            );
            Problem::internal()
        })?;
        stored.body = body.into();
    }
    if !replay_compression::decompress(&mut stored) {
        tracing::error!("a stored response could not be decompressed: it was altered");
        return Err(Problem::internal());
    }
    Ok(ApiResponse::from_stored(stored))
}

/// The text that binds an encrypted response to its idempotency key.
fn encryption_purpose(key: &IdempotencyKey) -> String {
    let IdempotencyKey { organization, account, operation, key } = key;
    format!("answer {} {account} {operation} {key}", organization.ulid())
}
