//! The start of a server: its lock, its limits, the records of a first start or of the demo, and what it prints.

pub(super) mod demo;
pub(super) mod first_start;
mod lock;
pub(super) mod open_files;
mod printed_account;
mod ready_message;

pub(crate) use lock::ServerLock;
pub(super) use printed_account::PrintedAccount;
pub(crate) use ready_message::ReadyMessage;
