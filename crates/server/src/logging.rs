//! The log on stderr: text on a terminal, otherwise JSON.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

use crate::settings::{LogFormat, Settings};

/// The log target of audit checkpoints, which is enabled at every log level.
pub(crate) const CHECKPOINT_TARGET: &str = "novantra::checkpoint";

/// Initializes logging with the level of the settings, or with `level` if they have none. It may be called once.
pub(crate) fn start(settings: &Settings, level: &str) {
    let filter = EnvFilter::new(filter(settings.log_level.as_deref().unwrap_or(level)));
    let json = match settings.log_format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !io::stderr().is_terminal(),
    };
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    if json {
        log.json().flatten_event(true).with_current_span(false).with_span_list(false).init();
    } else {
        log.with_target(false).with_ansi(io::stderr().is_terminal()).init();
    }
}

/// Adds audit checkpoints to the level. They are logged at every level, because the collected log then proves later
/// whether the end of the audit log was cut off.
fn filter(level: &str) -> String {
    format!("{level},{CHECKPOINT_TARGET}=info")
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::{layer::SubscriberExt, registry};

    use super::*;

    #[test]
    fn checkpoints_are_logged_at_every_level_without_raising_other_levels() {
        for level in ["off", "error", "warn", "novantra=error", "novantra::checkpoint=off"] {
            let log = registry().with(EnvFilter::new(filter(level)));
            tracing::subscriber::with_default(log, || {
                assert!(tracing::enabled!(target: CHECKPOINT_TARGET, tracing::Level::INFO), "{level}");
                assert!(!tracing::enabled!(target: "novantra::serve", tracing::Level::INFO), "{level}");
            });
        }
    }
}
