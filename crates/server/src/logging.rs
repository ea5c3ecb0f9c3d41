//! The log, on stderr: readable on a terminal, JSON elsewhere.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

use crate::settings::{LogFormat, Settings};

/// Starts logging, as much as `level` where the settings don't say. Once per process.
pub(crate) fn start(settings: &Settings, level: &str) {
    let filter = EnvFilter::new(settings.log_level.as_deref().unwrap_or(level));
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
