//! Budgets of the memory that bodies of requests and responses take, with a share for each caller.

mod budget;
mod response;

pub(crate) use budget::{MemoryBudget, MemoryHolder, MemoryPermit};
pub(crate) use response::ResponseMemory;
