//! Reading of raw values, which collects all errors instead of stopping at the first.

use std::collections::BTreeMap;

use super::{
    sources::{Origin, RawSetting},
    table::Setting,
};

/// Parses raw values and collects the errors.
pub(super) struct SettingsReader<'a> {
    values: &'a BTreeMap<&'static str, RawSetting>,
    errors: Vec<String>,
}

impl<'a> SettingsReader<'a> {
    pub(super) fn new(values: &'a BTreeMap<&'static str, RawSetting>) -> Self {
        Self { values, errors: Vec::new() }
    }

    /// Returns what was read, or all errors.
    pub(super) fn finish<T>(self, read: Option<T>) -> Result<T, Vec<String>> {
        match read {
            Some(read) if self.errors.is_empty() => Ok(read),
            _ => Err(self.errors),
        }
    }

    /// Records an error that concerns several settings.
    pub(super) fn error<T>(&mut self, error: &str) -> Option<T> {
        self.errors.push(error.to_owned());
        None
    }

    /// Parses the value of a setting or its default. Returns `None` after recording an error.
    pub(super) fn value<T>(&mut self, setting: &Setting, parse: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let (value, origin) = match (self.values.get(setting.name), setting.default) {
            (Some(raw), _) => (raw.value.as_str(), &raw.origin),
            (None, default) => (default.unwrap_or_default(), &Origin::Default),
        };
        match parse(value) {
            Ok(value) => Some(value),
            Err(error) => {
                // The value of a secret must not appear in the message.
                let error =
                    if setting.secret { "the value is invalid (it is secret and not shown)".to_owned() } else { error };
                self.errors.push(format!("{} (from {origin}): {error}", setting.name));
                None
            }
        }
    }

    /// Parses the value of a setting, or computes its default if it is not set.
    pub(super) fn value_or<T>(
        &mut self,
        setting: &Setting,
        parse: impl FnOnce(&str) -> Result<T, String>,
        default: impl FnOnce() -> T,
    ) -> Option<T> {
        if self.values.contains_key(setting.name) { self.value(setting, parse) } else { Some(default()) }
    }
}
