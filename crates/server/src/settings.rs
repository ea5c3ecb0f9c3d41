//! The settings: their sources, their parsing and their documentation.
//!
//! [`TABLE`] is the single list of settings, from which flags, environment variables, names in the file, help and the
//! reference document are derived.

mod attachments;
mod audit_log;
mod audit_witnesses;
mod database;
mod flags;
mod openid;
mod parsers;
mod people;
mod reader;
mod reference;
mod sources;
mod table;
mod typed;
mod webhooks;

pub(crate) use attachments::AttachmentSettings;
pub(crate) use audit_log::{AuditRetentionPeriods, InstallationLogLimits};
pub(crate) use audit_witnesses::{Witness, WitnessSettings};
pub(crate) use database::{Database, parse_database_url};
pub(crate) use flags::{from_flags, with_flags};
pub(crate) use parsers::parse_duration;
pub(crate) use people::PublicUrl;
pub(crate) use reference::reference;
pub(crate) use sources::{
    CLIENT_ID_VARIABLE, CLIENT_SECRET_FILE_VARIABLE, CLIENT_SECRET_VARIABLE, SETTINGS_FILE, Sources, collect,
};
pub(crate) use table::{Availability, Setting, TABLE};
pub(crate) use typed::{LogFormat, Settings};
pub(crate) use webhooks::WebhookSettings;
