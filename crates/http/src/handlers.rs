//! The handling of requests that is the same for all kinds of records: lists, single records, and writes.

mod execute;
mod get;
mod key_claim;
mod key_use;
mod list;
mod streamed_write;
mod write_outcome;

pub use execute::{Command, execute, execute_without_body};
pub use get::{conditional_response, find};
pub use list::{ListRequest, list};
pub use streamed_write::StreamedWrite;
pub use write_outcome::WriteOutcome;
