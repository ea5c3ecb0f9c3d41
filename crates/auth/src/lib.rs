//! Authentication and authorization: service accounts, their secrets, access tokens and scopes (contract v1 § 2), and
//! people, their roles, credentials and sessions.

mod account;
mod caller;
mod credentials;
mod one_time_link;
mod opaque_token;
mod people_ports;
mod person_credentials;
mod ports;
mod random_text;
mod recovery_code;
mod role;
mod secret;
mod session;
mod signing_key;
mod token;
mod user;
mod user_caller;

pub use account::{
    Account, AccountError, AccountFilter, AccountId, AccountLimits, AccountStatus, ServiceAccount, StoredSecret,
};
pub use caller::{AuthorizationError, Caller, actor};
pub use credentials::{CredentialCheck, check_credentials};
pub use one_time_link::{LinkPurpose, OneTimeLink};
pub use opaque_token::{OpaqueToken, TokenHash, TokenUse};
pub use people_ports::{
    CredentialChange, MAX_LISTED_SESSIONS, MAX_STORED_FOR, PasswordCheck, PasswordHasher, PeopleStore, SecondFactors,
    TotpSecret, is_discarded_at,
};
pub use person_credentials::{Credentials, PasswordHash, SecondFactor};
pub use ports::{Accounts, SecretHasher, SigningKeys, TokenSigner, TokenVerifier};
pub use recovery_code::RecoveryCode;
pub use role::{Permission, Role};
pub use secret::{ClientSecret, DUMMY_HASH, SecretHash};
pub use session::{Session, SessionId, SessionLevel, SessionLifetimes};
pub use signing_key::{
    EncryptedSigningKey, KeyChange, KeyRotationError, KeyStage, Keyring, MAX_KEYS_AGE, MIN_LEAD_TIME, PublishedKey,
    VERIFY_AFTER_RETIREMENT,
};
pub use token::{Claims, StaleKeys, TokenError, TokenLifetime};
pub use user::{StoredUser, User, UserEmail, UserEmailRule, UserId, UserStatus, parse_user_email};
pub use user_caller::{UserCaller, UserDenied, user_actor, user_revision};
