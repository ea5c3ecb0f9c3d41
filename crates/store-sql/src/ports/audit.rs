//! The audit log: entries, counts of repeated calls, and the tables that hold the chains.

mod append;
mod changes;
mod entry;
mod log;
mod query_plans;
mod repeats;
mod rows;
mod settling;
mod tables;

pub(crate) use append::EntryBatcher;
#[cfg(test)]
pub(crate) use entry::entry_list;
pub(crate) use rows::EntryRows;
pub(crate) use tables::SqlAuditTables;
#[cfg(test)]
pub(crate) use tables::{
    ADVANCE, ARCHIVE, BODIES, CHAINS, COSIGNED, COUNT_REDACTION, DELETE_ROWS, DELETE_RUNS, DELETE_TERMS, HEADS,
    PAGE_OF_ROWS, REDACT_RUN, REDACT_SEGMENT, REPLACE_TERMS, ROWS_OF, RUNS, SEGMENTS_BY_HIGH_ID, SEGMENTS_DOWNWARDS,
    SEGMENTS_UPWARDS, TERMS_DOWNWARDS, TERMS_UPWARDS, TILES,
};
