//! Authentication and authorization: service accounts, their secrets, access tokens and scopes (contract v1 § 2).

mod account;
mod caller;
mod credentials;
mod ports;
mod secret;
mod signing_key;
mod token;

pub use account::{
    Account, AccountError, AccountFilter, AccountId, AccountLimits, AccountStatus, ServiceAccount, StoredSecret,
};
pub use caller::{AuthorizationError, Caller, actor};
pub use credentials::{CredentialCheck, check_credentials};
pub use ports::{Accounts, SecretHasher, SigningKeys, TokenSigner, TokenVerifier};
pub use secret::{ClientSecret, DUMMY_HASH, SecretHash};
pub use signing_key::{
    EncryptedSigningKey, KeyChange, KeyRotationError, KeyStage, Keyring, MAX_KEYS_AGE, MIN_LEAD_TIME, PublishedKey,
    VERIFY_AFTER_RETIREMENT,
};
pub use token::{Claims, StaleKeys, TokenError, TokenLifetime};
