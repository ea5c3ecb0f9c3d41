//! A small HTTP/1.1 client: it costs little compared to the server, and rejects every malformed response.

mod call;
mod connection;
mod head;
mod load;
mod request;

pub(crate) use call::{HttpResponse, call};
pub(crate) use connection::Connection;
pub(crate) use load::{Load, LoadResult};
pub(crate) use request::Request;
