//! The rules of findings, from the outside: commands and states in, changesets and refusals out.

extern crate novantra_findings as findings;

mod batching;
mod changing;
mod desk;
mod duplicates;
mod events;
mod lifecycle;
