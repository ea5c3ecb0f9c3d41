//! The format of runs.

extern crate novantra_audit_runs as audit_runs;

mod archive;
mod damage;
mod entries;
mod header;
mod identifiers;
mod round_trip;
mod samples;
mod sizes;
mod stubs;
mod terms;
mod workload;
