//! Tests of the importers.

mod alike_results;
mod bundle;
mod cases;
mod guide_program;
mod poor_input;
mod sarif;
mod scan_keys;
mod scans;
mod settled_findings;
mod support;
