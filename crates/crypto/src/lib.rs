//! All cryptography: the master key and the keys derived from it, client secrets, access tokens, passwords and second
//! factors of people, signatures of ID tokens, cursors, checkpoints, webhook signatures, the encryption of secrets at rest, and the source of
//! randomness.

mod argon2_passwords;
mod argon2_secrets;
mod audit_export;
mod audit_row_key;
mod canonical_reader;
mod checkpoint;
mod cursor;
mod device_cookie;
mod encryptor;
mod entropy;
mod exported_line;
mod id_token;
mod kept_checkpoints;
mod key_file;
mod master_key;
mod note_key;
mod openid_flow;
mod passkey_challenges;
mod phc_hash;
mod rotating_keys;
mod signing_key;
mod token;
mod totp;
mod verified_token_cache;
mod webhook_secrets;

#[cfg(test)]
mod fixtures;

pub use argon2_passwords::Argon2PasswordHasher;
pub use argon2_secrets::Argon2Hasher;
pub use audit_export::{ExportFault, VerifiedExport, verify_export};
pub use audit_row_key::AuditRowKey;
pub use checkpoint::{CheckpointKey, CheckpointPublicKey, MalformedPublicKey};
pub use cursor::CursorKey;
pub use device_cookie::DeviceCookieKey;
pub use encryptor::{DecryptionFailed, Encryptor};
pub use entropy::SystemEntropy;
pub use id_token::{ProviderKeys, VerifiedIdToken};
pub use kept_checkpoints::read_checkpoints;
pub use key_file::{KeyFileError, load_master_key, load_or_create_master_key};
pub use master_key::{MalformedMasterKey, MasterKey, Purpose};
pub use note_key::{Ed25519NoteVerifier, NoteKey};
pub use openid_flow::OpenIdFlowCipher;
pub use passkey_challenges::PasskeyChallengeKey;
pub use rotating_keys::RotatingKeys;
pub use signing_key::{SigningKeyError, generate_signing_key};
pub use token::{AUDIENCE, TokenKeys};
pub use totp::TotpFactors;
pub use verified_token_cache::CachedVerifier;
pub use webhook_secrets::HmacWebhookSigner;
