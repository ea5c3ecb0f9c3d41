//! Who may call: service accounts, their secrets and tokens, and whether their standing still holds (contract v1 § 2).

mod account;
mod caller;
mod credentials;
mod ports;
mod secret;
mod token;

pub use account::{
    Account, AccountFilter, AccountId, AccountLimits, AccountRefusal, AccountStatus, ServiceAccount, StoredSecret,
};
pub use caller::{Caller, Refused, actor};
pub use credentials::{CredentialCheck, check_credentials};
pub use ports::{Accounts, SealedKey, SecretHasher, SigningKeys, TokenSigner, TokenVerifier};
pub use secret::{ClientSecret, HASH_OF_NO_SECRET, SecretHash};
pub use token::{Claims, TokenError, TokenLifetime};
