//! The server under test, a surface for people that is made for the tests, and what clients send and get.

mod answer;
mod counting_hasher;
mod desk;
mod fakes;
mod site;

pub(crate) use answer::{Answer, Call};
pub(crate) use counting_hasher::CountingHasher;
pub(crate) use desk::is_handled;
pub(crate) use site::{PASSWORD, Site};
