//! The use cases of integrations: service accounts, and webhooks on behalf of the account that owns them. The web app and
//! the command line call them; the decisions are those of `auth` and `webhooks`.
//!
//! | use case | file |
//! |---|---|
//! | creation and changes of service accounts | `service_accounts.rs` |
//! | subscriptions, by an administrator | `subscriptions.rs` |
//! | deliveries that are sent again, by an administrator | `deliveries.rs` |
//! | the search for events that did not arrive, which the API shares | `undelivered.rs` |

mod author;
mod deliveries;
mod error;
mod integrations;
mod service_accounts;
mod subscriptions;
mod undelivered;

pub use author::Author;
pub use deliveries::Recovery;
pub use error::IntegrationError;
pub use integrations::Integrations;
pub use service_accounts::{AccountDetails, NewAccount};
pub use subscriptions::{Endpoints, SentTest, send_test_event, taken_slots};
pub use undelivered::{UndeliveredEvents, find_undelivered};
