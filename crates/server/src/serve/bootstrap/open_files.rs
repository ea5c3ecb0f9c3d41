//! The limit of open files and connections of the process.

/// Raises the soft limit of open files to the hard limit. The usual soft limit, 1024, is too low for a server.
pub(crate) fn raise_limit() {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) => tracing::debug!(limit, "raised the limit of open files"),
        Err(error) => {
            tracing::warn!(%error, "can't raise the limit of open files; the server may run out of connections")
        }
    }
}
