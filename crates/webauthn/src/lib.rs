//! Passkeys: the ceremonies of Web Authentication (W3C, Level 3) as a relying party verifies them.
//!
//! Only what the program needs is here: credentials with ES256, EdDSA and RS256 keys, of which nothing is concluded from
//! an attestation. All input is bounded and may be hostile; nothing here panics, blocks or allocates more than the input.
//!
//! | part | file |
//! |---|---|
//! | the site that credentials belong to | `relying_party.rs` |
//! | what the browser is asked, as JSON | `options.rs` |
//! | the registration of a credential | `registration.rs` |
//! | a signature by a credential | `assertion.rs` |
//! | what browsers and authenticators send | `client_data.rs`, `authenticator_data.rs`, `public_key.rs`, `cbor.rs` |

mod assertion;
mod authenticator_data;
mod cbor;
mod client_data;
mod encoding;
mod error;
mod options;
mod public_key;
mod registration;
mod relying_party;
#[cfg(feature = "software-authenticator")]
mod software_authenticator;

pub use assertion::{Assertion, RegisteredCredential, VerifiedAssertion};
pub use error::WebauthnError;
pub use options::{UserEntity, creation_options, request_options};
pub use registration::{NewCredential, Registration};
pub use relying_party::RelyingParty;
#[cfg(feature = "software-authenticator")]
pub use software_authenticator::{KeyAlgorithm, SoftwareAuthenticator};

/// The maximum length of a credential's identifier in bytes, as the standard limits it.
pub const MAX_CREDENTIAL_ID: usize = 1023;
