//! The webhook commands of the command line, with and against a real server.

mod deliveries;
mod fake_event_server;
mod listen;
mod order;
pub(crate) mod receiver;
