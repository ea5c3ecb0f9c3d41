//! A small HTTP/1.1 client of our own: it costs little beside what it measures, and takes no answer for good that isn't.

mod call;
mod connection;
mod head;
mod load;
mod request;

pub(crate) use call::{Answer, call};
pub(crate) use connection::Connection;
pub(crate) use load::{Load, Served};
pub(crate) use request::Request;
