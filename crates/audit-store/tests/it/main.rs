//! The log over tables in memory.

mod memory_tables;
