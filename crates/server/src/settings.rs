//! What an operator can set, where it may be set, and what comes of it.
//!
//! [`TABLE`] is the one list of settings: flags, environment, file, help and the reference document all come from it.

mod flags;
mod forms;
mod reference;
mod sources;
mod table;
mod typed;
mod webhooks;

pub(crate) use flags::{from_flags, with_flags};
pub(crate) use forms::parse_span;
pub(crate) use reference::reference;
pub(crate) use sources::{CLIENT_ID_VARIABLE, CLIENT_SECRET_FILE_VARIABLE, CLIENT_SECRET_VARIABLE, Sources, gather};
pub(crate) use table::{Reach, Setting, TABLE};
pub(crate) use typed::{Database, LogFormat, Settings, database};
pub(crate) use webhooks::WebhookSettings;
