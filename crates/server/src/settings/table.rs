//! The table of settings.

/// One thing that can be set.
#[derive(Debug)]
pub(crate) struct Setting {
    /// Its name in `novantra.toml`, from which its flag and its variable follow.
    pub(crate) name: &'static str,
    /// What is written for its value in help texts; says the unit.
    pub(crate) unit: &'static str,
    /// Its value where nothing is said; none where help explains what happens then.
    pub(crate) default: Option<&'static str>,
    /// What it does, in one or two sentences.
    pub(crate) help: &'static str,
    /// Whether it can be given as a file that holds it, to stay out of process lists and environments.
    pub(crate) secret: bool,
    /// Whether it holds several values: its flag may be repeated, the file may have an array, and one text may hold them
    /// with commas between.
    pub(crate) list: bool,
    /// Which commands have a flag for it.
    pub(crate) reach: Reach,
}

/// Which commands have a flag for a setting. The environment and the file may hold it whatever the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Every command.
    Everywhere,
    /// Only the server.
    Serve,
}

impl Setting {
    pub(crate) fn flag(&self) -> String {
        self.name.replace('_', "-")
    }

    pub(crate) fn variable(&self) -> String {
        format!("NOVANTRA_{}", self.name.to_ascii_uppercase())
    }
}

macro_rules! settings {
    ($($id:ident: $name:literal, $unit:literal, $default:expr, $reach:ident $(, $nature:ident)?; $help:literal)*) => {
        $(pub(crate) static $id: Setting = Setting {
            name: $name,
            unit: $unit,
            default: $default,
            help: $help,
            secret: settings!(@secret $($nature)?),
            list: settings!(@list $($nature)?),
            reach: Reach::$reach,
        };)*

        /// Every setting there is.
        pub(crate) static TABLE: &[&Setting] = &[$(&$id,)*];
    };
    (@secret secret) => { true };
    (@list list) => { true };
    (@$asked:ident $($nature:ident)?) => { false };
}

settings! {
    LISTEN: "listen", "ADDRESS:PORT", Some("127.0.0.1:8080"), Serve;
    "Where the API listens. Port 0 takes a free one and says which."

    ADMIN_LISTEN: "admin_listen", "ADDRESS:PORT", Some("127.0.0.1:9090"), Serve;
    "Where probes and metrics listen. They need no credentials: keep it off public networks."

    TLS_CERT: "tls_cert", "FILE", None, Serve;
    "The certificate the API is served with over TLS, in PEM, with its chain. Read again when it changes. Needs `tls_key`; without both, plain HTTP."

    TLS_KEY: "tls_key", "FILE", None, Serve;
    "The private key of `tls_cert`, in PEM, without a password."

    TRUSTED_PROXY: "trusted_proxy", "CIDR", None, Serve, list;
    "A proxy, or a network of them, whose `X-Forwarded-For` is believed, such as `10.0.0.0/8`. From anybody else that header changes nothing."

    DATA_DIR: "data_dir", "FOLDER", Some("./novantra-data"), Everywhere;
    "The folder of the SQLite file and of the keys."

    DATABASE_URL: "database_url", "URL", None, Everywhere, secret;
    "`sqlite:PATH`, `postgres://…` or `memory:` (gone when the server stops). `novantra.db` in the data folder where nothing is said."

    DATABASE_CONNECTIONS: "database_connections", "CONNECTIONS", Some("10"), Everywhere;
    "Connections to PostgreSQL held at most: 5 to 1000. A quarter of them, 8 at most, are shared by all reads; the others do transactions. Streams have up to 8 of their own."

    DATABASE_STATEMENT_TIMEOUT: "database_statement_timeout", "DURATION", Some("10s"), Everywhere;
    "How long PostgreSQL may take for a statement: 1s to 1h. What takes longer is broken off and its call answered 503. Half as long is waited for a lock."

    MASTER_KEY_FILE: "master_key_file", "FILE", None, Everywhere;
    "The key that all others are derived from or encrypted under. `master.key` in the data folder where nothing is said, made on the first start. Keep it elsewhere than the database and its backups."

    TOKEN_LIFETIME: "token_lifetime", "DURATION", Some("900s"), Serve;
    "How long an access token is good: 60s to 1h."

    SIGNING_KEY_LIFETIME: "signing_key_lifetime", "DURATION", Some("90d"), Serve;
    "How long a key signs access tokens before the next one does, from 1h on; no call fails by that. `0s` leaves it to `novantra signing-key rotate`."

    RATE_LIMIT_TOKEN_READ: "rate_limit_token_read", "CALLS/MIN", Some("600"), Serve;
    "Reads a minute of one service account."

    RATE_LIMIT_TOKEN_WRITE: "rate_limit_token_write", "CALLS/MIN", Some("60"), Serve;
    "Writes a minute of one service account."

    RATE_LIMIT_ORGANIZATION: "rate_limit_organization", "CALLS/MIN", Some("3000"), Serve;
    "Calls a minute of one organization, whatever they are."

    RATE_LIMIT_TOKEN_ENDPOINT: "rate_limit_token_endpoint", "CALLS/MIN", Some("60"), Serve;
    "Tokens a minute of one service account. Failed token calls a minute that name one client id from one address."

    RATE_LIMIT_TOKEN_ENDPOINT_ADDRESS: "rate_limit_token_endpoint_address", "CALLS/MIN", Some("600"), Serve;
    "Failed token calls a minute from one address, whatever client id they name."

    RATE_LIMIT_URL: "rate_limit_url", "URL", None, Serve, secret;
    "`redis://…` or `rediss://…`: a Redis or Valkey where the servers of an installation keep rate limits together. In the database where nothing is said."

    IDEMPOTENCY_RETENTION: "idempotency_retention", "DURATION", Some("24h"), Serve;
    "How long an `Idempotency-Key` is remembered. The API promises 24h."

    CURSOR_LIFETIME: "cursor_lifetime", "DURATION", Some("48h"), Serve;
    "How long a page's cursor is good. The API promises 24h."

    AUDIT_READS: "audit_reads", "durable|buffered", Some("durable"), Serve;
    "Whether the answer to a read waits until its audit entry is stored. `buffered` is faster and loses the entries of the last moments when the server is killed."

    MAX_CONNECTIONS: "max_connections", "CONNECTIONS", Some("4096"), Serve;
    "Connections the API holds open at once; further ones wait to be accepted."

    REQUEST_BODY_MEMORY: "request_body_memory", "MIB", Some("64"), Serve;
    "Request bodies the API holds in memory at once; what does not fit is answered 503. Bodies of unknown callers have a quarter of it apart."

    WEBHOOKS_ALLOW_LOOPBACK_HTTP: "webhooks_allow_loopback_http", "true|false", Some("false"), Serve;
    "Whether webhooks may go to this machine itself, and by plain HTTP then: for development."

    WEBHOOKS_ALLOW_ADDRESSES: "webhooks_allow_addresses", "CIDR", None, Serve, list;
    "A network, or several, of your own that webhooks may go to beside the public internet, such as `10.20.0.0/16`."

    WEBHOOKS_RETENTION: "webhooks_retention", "DURATION", Some("30d"), Serve;
    "How long webhook deliveries, their attempts and their events are kept, from 4d on."

    WEBHOOKS_CONCURRENCY: "webhooks_concurrency", "ATTEMPTS", Some("1024"), Serve;
    "Webhook deliveries in flight at once: 4 to 65536. Endpoints that fail have three quarters of it at most."

    LOG_FORMAT: "log_format", "auto|text|json", Some("auto"), Everywhere;
    "How the log on stderr is written. `auto` is readable on a terminal and JSON elsewhere."

    LOG_LEVEL: "log_level", "LEVEL", None, Everywhere;
    "How much is logged: `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,novantra=debug`. Where nothing is said, `info` for the server and `warn` for other commands."
}
