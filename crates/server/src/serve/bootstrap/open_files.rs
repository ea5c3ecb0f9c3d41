//! The limit of open files of the process, and what is made of it.

use crate::{
    failure::Failure,
    settings::{Database, Settings},
};

/// Number of descriptors for the admin listener, so that probes are answered however many clients are connected.
pub(crate) const ADMIN_CONNECTIONS: usize = 64;

/// Number of descriptors for the program's own files: the database, the log, ports, keys and certificates, the runtime.
const OWN_FILES: usize = 64;

/// Number of descriptors for a stream, which has a connection of its own to the database.
const STREAM_FILES: usize = 8 * 3;

/// Minimum number of connections of the API, below which a server is of no use.
const MIN_CONNECTIONS: usize = 16;

/// Number of connections of the API for each webhook attempt, where there are too few descriptors for all.
const CONNECTIONS_PER_WEBHOOK: usize = 4;

/// Raises the soft limit of open files to the hard limit, and returns it. The usual soft limit, 1024, is too low for a
/// server.
pub(crate) fn raise_limit() -> usize {
    let limit = match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) => limit,
        Err(error) => {
            let current = rlimit::Resource::NOFILE.get_soft().unwrap_or(1024);
            tracing::warn!(%error, limit = current, "can't raise the limit of open files");
            current
        }
    };
    usize::try_from(limit).unwrap_or(usize::MAX)
}

/// Reduces the numbers of connections to what the limit of open files allows beside the admin listener, the database
/// and the program's own files. Without that, clients that take all descriptors would also stop probes and writes.
///
/// # Errors
/// If the limit is too low for a server.
pub(crate) fn fit_connections(settings: &mut Settings, limit: usize) -> Result<(), Failure> {
    let database = match settings.database {
        Database::Memory => 0,
        Database::Sqlite(_) => STREAM_FILES,
        Database::Postgres(_) => {
            usize::try_from(settings.database_options.connections).unwrap_or(usize::MAX / 2) + STREAM_FILES
        }
    };
    let reserved = ADMIN_CONNECTIONS + OWN_FILES + database;
    let left = limit.saturating_sub(reserved);
    let webhooks = settings.webhooks.concurrency.min(left / (CONNECTIONS_PER_WEBHOOK + 1));
    let connections = settings.max_connections.min(left - webhooks);
    if connections < MIN_CONNECTIONS.min(settings.max_connections) || webhooks == 0 {
        let needed = reserved + MIN_CONNECTIONS + MIN_CONNECTIONS / CONNECTIONS_PER_WEBHOOK;
        return Err(Failure::new(format!(
            "the limit of {limit} open files is too low for a server: raise it to {needed} or more (LimitNOFILE= of \
             systemd, ulimit -n)"
        )));
    }
    if connections < settings.max_connections || webhooks < settings.webhooks.concurrency {
        tracing::warn!(
            "the limit of {limit} open files allows {connections} connections instead of max_connections={} and {webhooks} \
             webhook attempts instead of webhooks_concurrency={}: raise the limit (LimitNOFILE= of systemd, ulimit -n)",
            settings.max_connections,
            settings.webhooks.concurrency
        );
    }
    settings.max_connections = connections;
    settings.webhooks.concurrency = webhooks;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::{Sources, collect};

    fn settings() -> Settings {
        Settings::parse(&collect(&Sources::default()).unwrap()).unwrap()
    }

    #[test]
    fn connections_and_attempts_leave_descriptors_for_the_admin_listener_and_the_database() {
        for limit in [200, 256, 1024, 4096] {
            let mut settings = settings();
            fit_connections(&mut settings, limit).unwrap();
            let used = settings.max_connections + settings.webhooks.concurrency;
            assert!(used + ADMIN_CONNECTIONS + OWN_FILES + STREAM_FILES <= limit, "{used} of {limit}");
            assert!(settings.max_connections >= MIN_CONNECTIONS && settings.webhooks.concurrency > 0);
        }
    }

    #[test]
    fn a_high_limit_changes_nothing_and_one_that_is_too_low_is_refused_with_the_remedy() {
        let mut settings = settings();
        let (connections, attempts) = (settings.max_connections, settings.webhooks.concurrency);
        fit_connections(&mut settings, 1_000_000).unwrap();
        assert_eq!((settings.max_connections, settings.webhooks.concurrency), (connections, attempts));
        let error = fit_connections(&mut settings, 100).unwrap_err().to_string();
        assert!(error.contains("ulimit -n"), "{error}");
        let (_, advice) = error.split_once("raise it to ").unwrap();
        let needed = advice.split(' ').next().unwrap().parse().unwrap();
        fit_connections(&mut settings, needed).unwrap();
    }
}
