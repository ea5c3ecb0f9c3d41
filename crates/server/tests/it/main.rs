//! The program as its users run it: its commands, and one server per test.

#[path = "../support/mod.rs"]
mod support;

mod absence;
mod attachment_requests;
mod attachments;
mod audit_verification;
mod bundle_imports;
mod clock_steps;
mod command_line;
mod concurrent_imports;
mod connections;
mod copies;
mod disconnects;
mod displaced_database;
mod distribution;
mod document_imports;
mod evidence_commands;
mod exports;
mod first_start;
mod full_disk;
mod imports;
mod locks;
mod open_files;
mod oscal_exports;
mod permissions;
mod record_commands;
mod refused_records;
mod repeated_calls;
mod scan_imports;
mod scan_reopening;
mod schema_versions;
mod schemathesis;
mod sealing;
mod shell_cases;
mod shutdown;
mod signing_keys;
mod streams;
mod table_imports;
mod table_round_trips;
mod tls;
mod transfer;
mod trusted_proxies;
mod webhook_commands;
