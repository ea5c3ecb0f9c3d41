//! The listeners: their ports, connections and certificate.

mod access_log;
mod certificate;
mod connection;
mod connection_limits;
mod listener;
mod response_progress;
mod write_timeout;

pub(super) use certificate::{CertificateReloader, ReloadOutcome};
pub(super) use connection_limits::ConnectionLimits;
pub(super) use listener::Listener;
