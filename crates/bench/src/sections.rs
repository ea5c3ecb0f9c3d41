//! The sections of the benchmark.

mod attachments;
mod audit;
mod batch;
mod footprint;
mod imports;
mod pages;
mod parts;
mod plain;
mod postgres;
mod reads;
mod refusals;
mod registers;
mod streams;
mod tokens;
mod unread;
mod web_app;
mod webhooks;
mod workload;

use crate::{context::BenchContext, failure::Outcome, report::Table};

/// A section of the benchmark, which can be selected by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Section {
    /// A get by id and a page of 50, against a bare axum handler.
    Reads,
    /// A page of 50 at any depth and in collections of any size.
    Pages,
    /// Token calls, good and bad, against a bare axum handler.
    Tokens,
    /// Batch import, against plain prepared statements.
    Batch,
    /// Imports by the command line: a catalog of NIST's size, and a large bundle against plain prepared statements.
    Imports,
    /// A page of 50 of every register, in a small and in a large collection.
    Registers,
    /// Pages of the web app, against the calls of the API that return what they show.
    WebApp,
    /// Memory, time until ready, and size of the binary.
    Footprint,
    /// A thousand unread responses of every kind, and the calls of others meanwhile.
    UnreadResponses,
    /// Bodies that stop arriving, and the calls of others meanwhile.
    StalledBodies,
    /// Reads and writes over PostgreSQL, against pgbench.
    Postgres,
    /// Reads over PostgreSQL at any depth and in collections of any size.
    PostgresPages,
    /// A whole collection in one stream, against reading all its pages.
    Streams,
    /// A whole collection in one stream over PostgreSQL, against reading all its pages.
    PostgresStreams,
    /// Uploads and downloads of large files, and many uploads at once.
    Attachments,
    /// The audit log: bytes at rest, the database's work for a read, lists and verification.
    Audit,
    /// The entries of an earlier version's audit log, converted under load. Needs the other build.
    AuditMigration,
    /// Refused calls and faulty requests, and what they make the server store.
    Refusals,
    /// Webhook deliveries over PostgreSQL, against a plain loop that signs and posts.
    PostgresWebhooks,
    /// Webhook deliveries beside receivers that never respond.
    PostgresIsolation,
}

impl Section {
    pub(crate) const ALL: &[Self] = &[
        Self::Reads,
        Self::Pages,
        Self::Tokens,
        Self::Batch,
        Self::Imports,
        Self::Registers,
        Self::WebApp,
        Self::Footprint,
        Self::UnreadResponses,
        Self::StalledBodies,
        Self::Postgres,
        Self::PostgresPages,
        Self::Streams,
        Self::PostgresStreams,
        Self::Attachments,
        Self::Audit,
        Self::AuditMigration,
        Self::Refusals,
        Self::PostgresWebhooks,
        Self::PostgresIsolation,
    ];

    /// Whether it compares two builds of the server.
    pub(crate) fn needs_other_build(self) -> bool {
        matches!(self, Self::AuditMigration)
    }

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Reads => "a get by id and a page of 50",
            Self::Pages => "pages by depth and size of the collection",
            Self::Tokens => "token calls",
            Self::Batch => "batch import of findings",
            Self::Imports => "imports by the command line",
            Self::Registers => "a page of every register by the size of the collection",
            Self::WebApp => "pages of the web app against the API",
            Self::Footprint => "memory, start and size",
            Self::UnreadResponses => "a thousand responses that nobody reads",
            Self::StalledBodies => "bodies that stop arriving",
            Self::Postgres => "reads and writes over PostgreSQL",
            Self::PostgresPages => "reads over PostgreSQL by depth and size of the collection",
            Self::Streams => "a whole collection in one stream",
            Self::PostgresStreams => "a whole collection in one stream over PostgreSQL",
            Self::Attachments => "uploads and downloads of files",
            Self::Audit => "the audit log",
            Self::AuditMigration => "the conversion of an earlier audit log",
            Self::Refusals => "refused calls and faulty requests",
            Self::PostgresWebhooks => "webhook deliveries over PostgreSQL",
            Self::PostgresIsolation => "webhook deliveries beside receivers that never respond",
        }
    }

    pub(crate) fn measure(self, bench: &BenchContext) -> Outcome<Table> {
        match self {
            Self::Reads => reads::measure(bench),
            Self::Pages => pages::measure(bench),
            Self::Tokens => tokens::measure(bench),
            Self::Batch => batch::measure(bench),
            Self::Imports => imports::measure(bench),
            Self::Registers => registers::measure(bench),
            Self::WebApp => web_app::measure(bench),
            Self::Footprint => footprint::measure(bench),
            Self::UnreadResponses => unread::responses::measure(bench),
            Self::StalledBodies => unread::stalled_bodies::measure(bench),
            Self::Postgres => postgres::measure(bench),
            Self::PostgresPages => postgres::flat::measure(bench),
            Self::Streams => streams::measure(bench),
            Self::PostgresStreams => streams::measure_postgres(bench),
            Self::Attachments => attachments::measure(bench),
            Self::Audit => audit::measure(bench),
            Self::AuditMigration => audit::migration::measure(bench),
            Self::Refusals => refusals::measure(bench),
            Self::PostgresWebhooks => webhooks::measure(bench),
            Self::PostgresIsolation => webhooks::isolation::measure(bench),
        }
    }
}
