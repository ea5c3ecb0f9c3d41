//! The log on stderr: text on a terminal, otherwise JSON.

mod repeats;

use std::{
    io::{self, IsTerminal},
    sync::LazyLock,
    time::Instant,
};

use tracing::Level;
use tracing_subscriber::{EnvFilter, Layer, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use crate::settings::{LogFormat, Settings};
use repeats::{RepeatFilter, Repeats, Suppressed};

static REPEATS: LazyLock<Repeats> = LazyLock::new(Repeats::default);

/// The log target of audit checkpoints, which a server enables at every log level.
pub(crate) const CHECKPOINT_TARGET: &str = "novantra::checkpoint";

/// The process whose log it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Process {
    /// A server, whose log is collected.
    Server,
    /// Any other command, whose log somebody reads at once.
    Command,
}

impl Process {
    /// The level if the settings name none.
    const fn default_level(self) -> &'static str {
        match self {
            Self::Server => "info",
            Self::Command => "warn",
        }
    }
}

/// Initializes logging with the level of the settings, or with that of the process if they have none. It may be called once.
pub(crate) fn start(settings: &Settings, process: Process) {
    let level = settings.log_level.as_deref().unwrap_or(process.default_level());
    let filter = EnvFilter::new(filter(level, process));
    let json = match settings.log_format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !io::stderr().is_terminal(),
    };
    let log = fmt::layer().with_writer(io::stderr);
    let log = if json {
        log.json().flatten_event(true).with_current_span(false).with_span_list(false).boxed()
    } else {
        log.with_target(false).with_ansi(io::stderr().is_terminal()).boxed()
    };
    tracing_subscriber::registry().with(log.with_filter(RepeatFilter(&REPEATS))).with(filter).init();
}

/// Logs how often failures were repeated that were not logged every time. It must be called every few seconds.
pub(crate) fn report_repeats() {
    for Suppressed { level, text, count } in REPEATS.take_suppressed(Instant::now()) {
        if level == Level::ERROR {
            tracing::error!(count, "repeated {count} more times in 10 s: {text}");
        } else {
            tracing::warn!(count, "repeated {count} more times in 10 s: {text}");
        }
    }
}

/// Adds audit checkpoints to the level of a server. It logs them at every level, because the collected log then proves later
/// whether the end of the audit log was cut off. A command logs those that it makes itself only at a level that includes
/// them: the next one of a server covers them, and `novantra audit checkpoint` prints the latest.
fn filter(level: &str, process: Process) -> String {
    match process {
        Process::Server => format!("{level},{CHECKPOINT_TARGET}=info"),
        Process::Command => level.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::registry;

    use super::*;

    #[test]
    fn a_server_logs_checkpoints_at_every_level_without_raising_other_levels() {
        for level in ["off", "error", "warn", "novantra=error", "novantra::checkpoint=off"] {
            let log = registry().with(EnvFilter::new(filter(level, Process::Server)));
            tracing::subscriber::with_default(log, || {
                assert!(tracing::enabled!(target: CHECKPOINT_TARGET, tracing::Level::INFO), "{level}");
                assert!(!tracing::enabled!(target: "novantra::serve", tracing::Level::INFO), "{level}");
            });
        }
    }

    #[test]
    fn a_command_logs_checkpoints_only_at_a_level_that_includes_them() {
        for (level, expected) in
            [("error", false), ("warn", false), ("info", true), ("warn,novantra::checkpoint=info", true)]
        {
            let log = registry().with(EnvFilter::new(filter(level, Process::Command)));
            tracing::subscriber::with_default(log, || {
                assert_eq!(tracing::enabled!(target: CHECKPOINT_TARGET, tracing::Level::INFO), expected, "{level}");
            });
        }
    }
}
