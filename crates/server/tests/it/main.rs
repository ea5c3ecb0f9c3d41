//! The program as its users run it: its commands, and one server per test.

#[path = "../support/mod.rs"]
mod support;

mod audit_verification;
mod command_line;
mod connections;
mod disconnects;
mod first_start;
mod imports;
mod scan_imports;
mod schema_versions;
mod sealing;
mod shell_cases;
mod shutdown;
mod signing_keys;
mod streams;
mod tls;
mod transfer;
mod trusted_proxies;
mod webhook_commands;
