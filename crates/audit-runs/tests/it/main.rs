//! The format of runs.
