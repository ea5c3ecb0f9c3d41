//! The log over tables in memory.

mod compaction;
mod conversion;
mod integrity;
mod memory_tables;
mod removal;
mod support;
