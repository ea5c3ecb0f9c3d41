//! The records of all kinds: their tables, and the statements that read and write them.

mod list_plan;
mod list_query;
mod record_table;
mod residual;
mod resources;
mod scan_order;
mod statement_cache;
mod statements;
pub(crate) mod streaming;
pub(crate) mod table;
pub(crate) mod writes;

pub(crate) use list_plan::{ListPlan, Source, row_kind};
pub(crate) use list_query::{ListQuery, ListStatement};
pub(crate) use resources::attempts_text;
pub(crate) use statement_cache::StatementCache;
pub(crate) use statements::{Statements, column_by_id};
