//! The use cases that the command line, the first start and the demo share.

pub(crate) mod audit_sealer;
mod operator;
pub(crate) mod signing_keys;

pub(crate) use operator::{Operator, ReasonArg, find_workspace};
