//! Tests of the importers.

mod alike_results;
mod bundle;
mod cases;
mod csv;
mod cyclonedx;
mod cyclonedx_statements;
mod drafts;
mod exported;
mod exported_workbooks;
mod guide_program;
mod oscal_assessments;
mod oscal_catalog;
mod oscal_export;
mod oscal_profile;
mod poor_documents;
mod poor_input;
mod references;
mod sarif;
mod scan_keys;
mod scans;
mod settled_findings;
mod small_documents;
mod support;
mod table_mapping;
mod xlsx;
