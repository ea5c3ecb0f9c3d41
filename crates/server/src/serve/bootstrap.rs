//! The start of a server: its lock, its limits, the records of a first start or of the demo, and what it prints.

pub(super) mod demo;
pub(super) mod first_start;
mod lock;
pub(super) mod open_files;
mod printed_account;
mod printed_link;
mod ready_message;

pub(crate) use lock::ServerLock;
pub(super) use printed_account::PrintedAccount;
pub(super) use printed_link::PrintedLink;
pub(crate) use ready_message::ReadyMessage;
