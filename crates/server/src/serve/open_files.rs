//! How many files and connections the process may have open.

/// Raises the limit as far as the system lets anybody raise it: the usual one, 1024, is for programs that know no better.
pub(crate) fn raise_limit() {
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) => tracing::debug!(limit, "open files"),
        Err(error) => tracing::warn!(%error, "can't raise the limit of open files"),
    }
}
