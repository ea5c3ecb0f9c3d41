//! The permissions of service accounts: the scopes of the API, their catalogue, their grammar and set operations.

mod catalogue;
mod set;

pub use catalogue::{Scope, UnknownScope};
pub use set::ScopeSet;
