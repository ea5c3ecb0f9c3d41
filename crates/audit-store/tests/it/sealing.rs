//! Sealing over tables in memory.

mod chains;
mod flaky_tables;
mod kills;
mod old_form;
mod refusals;
mod replays;
mod rows;
mod tampering;
mod world;
