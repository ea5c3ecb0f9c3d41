//! The use cases of people: sign-in, their own credentials and sessions, links that work once, the management of users,
//! and saved views. Surfaces and the command line call them; the decisions are those of `auth`.
//!
//! | use case | file |
//! |---|---|
//! | sign-in: password, then second factor | `sign_in.rs`, `second_factor.rs` |
//! | sign-in by OpenID Connect, and the identities of users | `openid.rs`, `identities.rs` |
//! | sign-in with a passkey, alone or as the second factor | `passkey_sign_in.rs` |
//! | own passkeys | `passkeys.rs` |
//! | the user of a request | `sessions.rs` |
//! | own password, second factor, recovery codes and sessions | `own_account.rs`, `sessions.rs` |
//! | invitation, reset, first administrator | `links.rs` |
//! | management of users | `management.rs` |
//! | how users sign in, and when they last did | `security.rs` |
//! | saved views of lists | `saved_views.rs` |

mod attempts;
mod author;
mod demo;
mod enrollment;
mod error;
mod identities;
mod links;
mod management;
mod observer;
mod openid;
mod openid_settings;
mod own_account;
mod passkey_sign_in;
mod passkeys;
mod password_pool;
mod password_rules;
mod people;
mod refusal_log;
mod refusals;
mod saved_views;
mod second_factor;
mod security;
mod sessions;
mod sign_in;
mod time_zone;

pub use author::{Author, Client};
pub use enrollment::{EnrollmentForm, SecondFactorOffer};
pub use error::PeopleError;
pub use links::{LinkDetails, LinkForm};
pub use observer::{HashingPriority, PeopleObserver, SignInStep};
pub use openid::{BegunOpenId, OpenIdAnswer, OpenIdOutcome};
pub use openid_settings::{OpenIdConnect, OpenIdSettings};
pub use passkey_sign_in::{CeremonyOptions, PasskeyFault, PasskeyOutcome, PasskeyRefusal, SecondFactorChoices};
pub use passkeys::PasskeyForm;
pub use password_rules::{PasswordFault, PasswordOwner, check_new_password};
pub use people::{People, PeopleParts, PeopleSettings};
pub use refusals::SignInRefusal;
pub use saved_views::{may_change_view, may_share_views};
pub use second_factor::Enrolled;
pub use security::UserSecurity;
pub use sessions::PendingSignIn;
pub use sign_in::{BegunSession, SignIn, SignInOutcome};
pub use time_zone::parse_time_zone;
pub use webauthn::RelyingParty;
