//! What a service account may do: the scopes of the API, their grammar, their catalogue and the algebra of sets of them.

mod catalogue;
mod set;

pub use catalogue::{Scope, UnknownScope};
pub use set::ScopeSet;
