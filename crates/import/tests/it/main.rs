//! Tests of the importers.

mod bundle;
mod sarif;
mod scans;
