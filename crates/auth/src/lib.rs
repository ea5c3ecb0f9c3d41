//! Authentication and authorization: service accounts, their secrets, access tokens and scopes (contract v1 § 2), and
//! people, their roles, credentials and sessions.

mod account;
mod caller;
mod credentials;
mod external_identity;
mod id_token;
mod identity_commands;
mod one_time_link;
mod opaque_token;
mod openid;
mod openid_refusal;
mod passkey;
mod passkey_commands;
mod people_ports;
mod person_change;
mod person_credentials;
mod ports;
mod random_text;
mod recovery_code;
mod role;
mod saved_view;
mod saved_view_commands;
mod secret;
mod session;
mod sign_in;
mod sign_in_summary;
mod signing_key;
mod token;
mod totp_secret;
mod trusted_device;
mod user;
mod user_caller;
mod user_commands;

pub use account::{
    Account, AccountError, AccountFilter, AccountId, AccountLimits, AccountStatus, ServiceAccount, StoredSecret,
};
pub use caller::{AuthorizationError, Caller, actor};
pub use credentials::{CredentialCheck, check_credentials};
pub use external_identity::ExternalIdentity;
pub use id_token::{IdTokenClaims, IdTokenExpectation, IdTokenFault, MAX_CLOCK_SKEW};
pub use identity_commands::{link_identity, signed_in_by_provider, unlink_identities};
pub use one_time_link::{LinkPurpose, OneTimeLink};
pub use opaque_token::{OpaqueToken, TokenHash, TokenUse, without_tokens};
pub use openid::{
    GroupRoles, IdentityProvider, OpenIdAccount, OpenIdFlow, OpenIdFlows, OpenIdRules, ProviderPerson, SameEmail,
};
pub use openid_refusal::OpenIdRefusal;
pub use passkey::{Passkey, PasskeyAnswer, PasskeyId, PasskeyName, PasskeyNameRule, UserHandle};
pub use passkey_commands::{NewPasskey, passkey_accepted, passkey_added, passkey_removed, passkey_renamed};
pub use people_ports::{
    CredentialChange, DeviceCookies, MAX_LISTED_SESSIONS, MAX_STORED_FOR, PasskeyChallenges, PasswordCheck,
    PasswordHasher, PeopleStore, SecondFactors, is_discarded_at,
};
pub use person_change::{Browser, IssuedLink, NewSession, PersonChange, SignInContext};
pub use person_credentials::{Credentials, PasswordHash, SecondFactor};
pub use ports::{Accounts, SecretHasher, SigningKeys, TokenSigner, TokenVerifier};
pub use recovery_code::RecoveryCode;
pub use role::{Permission, Role};
pub use saved_view::{
    SavedView, SavedViewChange, SavedViewId, SavedViewName, SavedViewNameRule, SavedViewQuery, SavedViewQueryRule,
    SavedViews,
};
pub use saved_view_commands::{NewSavedView, SavedViewError, change_view, delete_view, save_view};
pub use secret::{ClientSecret, DUMMY_HASH, SecretHash};
pub use session::{Session, SessionId, SessionLevel, SessionLifetimes};
pub use sign_in::{
    ChosenCredentials, NewSecondFactor, first_administrator_created, link_used, password_accepted, password_changed,
    reauthenticated, recovery_codes_replaced, second_factor_accepted, second_factor_enrolled, second_factor_removed,
    signed_out,
};
pub use sign_in_summary::SignInSummary;
pub use signing_key::{
    EncryptedSigningKey, KeyChange, KeyRotationError, KeyStage, Keyring, MAX_KEYS_AGE, MIN_LEAD_TIME, PublishedKey,
    VERIFY_AFTER_RETIREMENT,
};
pub use token::{Claims, StaleKeys, TokenError, TokenLifetime};
pub use totp_secret::TotpSecret;
pub use trusted_device::{CredentialsFingerprint, TrustedDevice};
pub use user::{StoredUser, User, UserEmail, UserEmailRule, UserId, UserStatus, parse_user_email};
pub use user_caller::{UserCaller, UserDenied, user_actor, user_revision};
pub use user_commands::{
    UserError, create_user, disable_user, enable_user, invite_again, issue_first_administrator_link, issue_reset,
    revoke_session, revoke_sessions, set_profile, set_role,
};
