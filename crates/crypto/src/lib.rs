//! All cryptography: the master key and the keys derived from it, client secrets, access tokens, cursors, checkpoints,
//! webhook signatures, the encryption of secrets at rest, and the source of randomness.

mod argon2_secrets;
mod checkpoint;
mod cursor;
mod entropy;
mod key_file;
mod master_key;
mod rotating;
mod sealer;
mod signing_key;
mod token;
mod verified;
mod webhook_secrets;

#[cfg(test)]
mod fixtures;

pub use argon2_secrets::Argon2Secrets;
pub use checkpoint::{CheckpointKey, CheckpointPublicKey, MalformedPublicKey};
pub use cursor::CursorKey;
pub use entropy::SystemEntropy;
pub use key_file::{KeyFileError, load_master_key, load_or_create_master_key};
pub use master_key::{MalformedMasterKey, MasterKey, Purpose};
pub use rotating::RotatingKeys;
pub use sealer::{Sealer, Unopened};
pub use signing_key::{SigningKeyError, seal_new_signing_key};
pub use token::{AUDIENCE, TokenKeys};
pub use verified::CachedVerifier;
pub use webhook_secrets::WebhookSecrets;
