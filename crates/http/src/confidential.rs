//! Encryption of stored responses that hold a secret. A stored response can only be decrypted for the idempotency key
//! that it was stored under (contract v1 § 4).

use kernel::{IdempotencyKey, StoredResponse};

use crate::{problem::Problem, reply::Reply, services::Services};

/// The header that marks a stored response whose body is encrypted. It is never sent to a client.
const SEALED: &str = "novantra-sealed";

/// Returns the response as it is stored for replay, encrypted if it is confidential.
pub(crate) fn keep(services: &Services, key: &IdempotencyKey, response: &Reply) -> StoredResponse {
    let mut stored = response.to_answer();
    if response.confidential {
        stored.body = services.answers.seal(&*services.entropy, &purpose(key), &stored.body).into();
        stored.headers.push((SEALED.to_owned(), "1".to_owned()));
    }
    stored
}

/// Returns the response to replay from the stored one.
pub(crate) fn give(services: &Services, key: &IdempotencyKey, mut stored: StoredResponse) -> Result<Reply, Problem> {
    if stored.headers.iter().any(|(name, _)| name == SEALED) {
        stored.headers.retain(|(name, _)| name != SEALED);
        let body = services.answers.open(&purpose(key), &stored.body).ok_or_else(|| {
            tracing::error!(
                "a stored response could not be decrypted: it was altered, or belongs to another idempotency key"
            );
            Problem::internal()
        })?;
        stored.body = body.into();
    }
    Ok(Reply::replay(stored))
}

/// The text that binds an encrypted response to its idempotency key.
fn purpose(key: &IdempotencyKey) -> String {
    let IdempotencyKey { organization, account, operation, key } = key;
    format!("answer {} {account} {operation} {key}", organization.ulid())
}
