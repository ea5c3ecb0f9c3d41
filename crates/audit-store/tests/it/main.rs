//! The log over tables in memory.
