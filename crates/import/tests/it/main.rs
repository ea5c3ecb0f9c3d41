//! Tests of the importers.

mod alike_results;
mod bundle;
mod cases;
mod exported;
mod guide_program;
mod poor_input;
mod references;
mod sarif;
mod scan_keys;
mod scans;
mod settled_findings;
mod support;
