//! Authentication and authorization: service accounts, their secrets, access tokens and scopes (contract v1 § 2).

mod account;
mod caller;
mod credentials;
mod ports;
mod secret;
mod signing_key;
mod token;

pub use account::{
    Account, AccountFilter, AccountId, AccountLimits, AccountRefusal, AccountStatus, ServiceAccount, StoredSecret,
};
pub use caller::{Caller, Refused, actor};
pub use credentials::{CredentialCheck, check_credentials};
pub use ports::{Accounts, SecretHasher, SigningKeys, TokenSigner, TokenVerifier};
pub use secret::{ClientSecret, HASH_OF_NO_SECRET, SecretHash};
pub use signing_key::{
    KEYS_GOOD_FOR, KeyChange, KeyRefusal, KeyStage, Keyring, PublishedKey, SHORTEST_LEAD, SealedKey, TOKENS_OUTLIVE,
};
pub use token::{Claims, StaleKeys, TokenError, TokenLifetime};
