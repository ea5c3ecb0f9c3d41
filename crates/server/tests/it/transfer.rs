//! Moves of complete installations: to another database, into backups and out of them.

#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

mod backup;
mod copy;
mod dump;
mod load;
