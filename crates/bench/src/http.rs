//! A small HTTP/1.1 client: it costs little compared to the server, and rejects every malformed response.

mod call;
mod connection;
mod file;
mod head;
mod load;
mod request;
mod unread;

pub(crate) use call::{HttpResponse, call};
pub(crate) use connection::Connection;
pub(crate) use file::{download, upload};
pub(crate) use load::{Load, LoadResult};
pub(crate) use request::Request;
pub(crate) use unread::{client_address, http2_requests, send};
