//! The client of an OpenID Connect provider: discovery, the code flow with PKCE, and the checks of what the provider
//! answers. It implements the port [`auth::IdentityProvider`]; the signatures of ID tokens are verified in `crypto`.
//!
//! | part | file |
//! |---|---|
//! | the requests, with limits of time and size, and without redirects | `requests.rs` |
//! | the metadata of the provider | `metadata.rs` |
//! | documents that are kept for a while | `kept_document.rs` |
//! | the claims of an ID token and of the user info endpoint | `claims.rs` |
//! | the flow | `provider.rs` |

mod claims;
mod kept_document;
mod metadata;
mod provider;
mod provider_url;
mod requests;

pub use provider::{OpenIdProvider, ProviderSettings};
pub use provider_url::{ForbiddenUrl, parse_provider_url};
pub use requests::ProviderProblem;
