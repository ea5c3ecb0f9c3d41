//! The table of settings.

/// The definition of a setting.
#[derive(Debug)]
pub(crate) struct Setting {
    /// The name in `novantra.toml`, from which the names of the flag and of the variable are derived.
    pub(crate) name: &'static str,
    /// The placeholder of the value in help texts, which shows the unit.
    pub(crate) unit: &'static str,
    /// The default value, or `None` if the help explains the default.
    pub(crate) default: Option<&'static str>,
    /// The description, in one or two sentences.
    pub(crate) help: &'static str,
    /// Whether the value can be read from a file, to keep it out of process lists and environments.
    pub(crate) secret: bool,
    /// Whether the setting has several values: its flag may be repeated, the file may have an array, and a string may
    /// contain them separated by commas.
    pub(crate) list: bool,
    /// The commands that have a flag for the setting.
    pub(crate) availability: Availability,
}

/// The commands that have a flag for a setting. The environment and the file may set it for every command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Availability {
    /// Every command.
    Everywhere,
    /// Only `serve`.
    Serve,
    /// `serve`, and `probe`, which asks the server.
    ServeAndProbe,
}

impl Availability {
    /// The commands that have the flag, if not every command has it.
    pub(crate) fn commands(self) -> &'static [&'static str] {
        match self {
            Self::Everywhere => &[],
            Self::Serve => &["serve"],
            Self::ServeAndProbe => &["serve", "probe"],
        }
    }
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
    ($($id:ident: $name:literal, $unit:literal, $default:expr, $availability:ident $(, $nature:ident)?; $help:literal)*) => {
        $(pub(crate) static $id: Setting = Setting {
            name: $name,
            unit: $unit,
            default: $default,
            help: $help,
            secret: settings!(@secret $($nature)?),
            list: settings!(@list $($nature)?),
            availability: Availability::$availability,
        };)*

        /// All settings.
        pub(crate) static TABLE: &[&Setting] = &[$(&$id,)*];
    };
    (@secret secret) => { true };
    (@list list) => { true };
    (@$other:ident $($nature:ident)?) => { false };
}

settings! {
    LISTEN: "listen", "ADDRESS:PORT", Some("127.0.0.1:8080"), Serve;
    "The address and port of the API. Port 0 selects a free port and prints it."

    ADMIN_LISTEN: "admin_listen", "ADDRESS:PORT", Some("127.0.0.1:9090"), ServeAndProbe;
    "The address and port of probes and metrics. They need no credentials, so do not expose the port to public networks."

    TLS_CERT: "tls_cert", "FILE", None, Serve;
    "The PEM file with the TLS certificate of the API and its chain. It is reloaded when it changes. It requires `tls_key`; without both, the API uses plain HTTP."

    TLS_KEY: "tls_key", "FILE", None, Serve;
    "The PEM file with the private key of `tls_cert`, without a password."

    TRUSTED_PROXY: "trusted_proxy", "CIDR", None, Serve, list;
    "A proxy, or a network of proxies, whose `X-Forwarded-For` header is trusted, such as `10.0.0.0/8`. The header of all other clients is ignored."

    PUBLIC_URL: "public_url", "URL", None, Everywhere;
    "The URL at which people reach the server, such as `https://novantra.example.org`, for links that they are sent and for passkeys, which browsers offer only at a name over HTTPS (or at `localhost`) and which stop working if its host changes. Forms of the web app are accepted only from pages at this URL, unless it is one of the own machine. By default the address of `listen`."

    DATA_DIR: "data_dir", "FOLDER", Some("./novantra-data"), Everywhere;
    "The folder of the SQLite database, of attachments and of the master key."

    DATABASE_URL: "database_url", "URL", None, Everywhere, secret;
    "The database: `sqlite:PATH`, `postgres://…`, or `memory:` (deleted when the server stops). By default `novantra.db` in the data folder."

    DATABASE_CONNECTIONS: "database_connections", "CONNECTIONS", Some("10"), Everywhere;
    "Maximum number of connections to PostgreSQL, from 5 to 1000. A quarter of them, at most 8, are shared by all reads; the others run transactions. Streams use up to 8 additional connections."

    DATABASE_STATEMENT_TIMEOUT: "database_statement_timeout", "DURATION", Some("10s"), Everywhere;
    "Timeout of a PostgreSQL statement, from 1s to 1h. A statement that takes longer is cancelled, and its request is answered with 503. The timeout of locks is half as long."

    DATABASE_ENGINE: "database_engine", "auto|postgresql|distributed", Some("auto"), Everywhere;
    "The kind of the database behind a `postgres://` URL. On one PostgreSQL server, statements are planned once for all values; on a distributed database, for the values of each call. `auto` recognizes Citus by its extension."

    MASTER_KEY_FILE: "master_key_file", "FILE", None, Everywhere;
    "The file of the master key, from which all other keys are derived or with which they are encrypted. By default `master.key` in the data folder. It is created on the first start. Keep it apart from the database and its backups."

    ATTACHMENTS_URL: "attachments_url", "URL", None, Everywhere;
    "The store of the bytes of attachments: `file:FOLDER`, `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`. By default the folder `attachments` in the data folder, or with `memory:` as the database, memory. Credentials of buckets that are not settings are taken from the environment variables of the service (`AWS_…`, `GOOGLE_…`, `AZURE_…`) or from the machine."

    ATTACHMENTS_ENDPOINT: "attachments_endpoint", "URL", None, Everywhere;
    "The server of the bucket in `attachments_url`, if it is not that of the service itself, such as `https://minio.example.org:9000`."

    ATTACHMENTS_ACCESS_KEY: "attachments_access_key", "NAME", None, Everywhere;
    "The identifier of the access key of S3, or the name of the storage account of Azure."

    ATTACHMENTS_SECRET: "attachments_secret", "KEY", None, Everywhere, secret;
    "The secret access key of S3, the access key of the storage account of Azure, or the JSON of the service account of Google Cloud."

    ATTACHMENTS_MAX_SIZE: "attachments_max_size", "MIB", Some("256"), Serve;
    "Maximum size of an attachment, from 1 to 4096."

    ATTACHMENTS_UNLINKED_STORAGE: "attachments_unlinked_storage", "MIB", Some("4096"), Serve;
    "Maximum size of all attachments of a service account that are not linked to a claim, and of all files that a person is sending with claims at the same time, at least `attachments_max_size`; 0 for no limit. Above it, uploads are answered with 429 until attachments are linked, or removed 24 h after their upload."

    ATTACHMENTS_ORGANIZATION_STORAGE: "attachments_organization_storage", "MIB", Some("102400"), Serve;
    "Maximum size of all attachments of an organization, of which equal ones count once, at least `attachments_max_size`; 0 for no limit. Above it, uploads are answered with 507. `novantra evidence usage` shows what is stored."

    ATTACHMENTS_DISK_RESERVE: "attachments_disk_reserve", "MIB", Some("1024"), Serve;
    "Free space that uploads leave on the disk of the SQLite database, if they are written to the same disk; 0 for none. Uploads are answered with 503 before they would take from it, so that all other writes go on."

    TOKEN_LIFETIME: "token_lifetime", "DURATION", Some("900s"), Serve;
    "Lifetime of an access token, from 60s to 1h."

    SIGNING_KEY_LIFETIME: "signing_key_lifetime", "DURATION", Some("90d"), Serve;
    "How long a key signs access tokens before the server rotates it, at least 1h. No request fails because of the rotation. With `0s`, keys are rotated only by `novantra signing-key rotate`."

    RATE_LIMIT_TOKEN_READ: "rate_limit_token_read", "CALLS/MIN", Some("600"), Serve;
    "Maximum number of reads a minute of a service account."

    RATE_LIMIT_TOKEN_WRITE: "rate_limit_token_write", "CALLS/MIN", Some("60"), Serve;
    "Maximum number of writes a minute of a service account."

    RATE_LIMIT_ORGANIZATION: "rate_limit_organization", "CALLS/MIN", Some("3000"), Serve;
    "Maximum number of requests of any kind a minute of an organization."

    RATE_LIMIT_TOKEN_ENDPOINT: "rate_limit_token_endpoint", "CALLS/MIN", Some("60"), Serve;
    "Maximum number of tokens a minute of a service account, and of failed token requests a minute with one client id from one address."

    RATE_LIMIT_TOKEN_ENDPOINT_ADDRESS: "rate_limit_token_endpoint_address", "CALLS/MIN", Some("600"), Serve;
    "Maximum number of failed token requests a minute from one address, with any client ids."

    RATE_LIMIT_UNAUTHENTICATED: "rate_limit_unauthenticated", "CALLS/MIN", Some("600"), Serve;
    "Maximum number of requests a minute without valid credentials from one address, and with an expired token or one of a disabled account from one address. Valid credentials are not affected. As many requests for the pages on which people sign in are counted apart: from one address, and on one device on which somebody signed in before."

    RATE_LIMIT_SIGN_IN: "rate_limit_sign_in", "CALLS/MIN", Some("5"), Serve;
    "Maximum number of failed sign-ins a minute of a user from one network (IPv4 /24, IPv6 /48), and on one device on which they signed in before with the same credentials. Failures elsewhere do not slow such a device down."

    RATE_LIMIT_SIGN_IN_NETWORK: "rate_limit_sign_in_network", "CALLS/MIN", Some("30"), Serve;
    "Maximum number of failed sign-ins a minute from one network, with any users. As many by OpenID Connect are counted apart. Devices on which the user signed in before with the same credentials are not affected."

    RATE_LIMIT_URL: "rate_limit_url", "URL", None, Serve, secret;
    "The Redis or Valkey server with the rate limits shared by the servers of an installation: `redis://…` or `rediss://…`. By default they are in the database."

    SESSION_IDLE_TIMEOUT: "session_idle_timeout", "DURATION", Some("8h"), Serve;
    "How long a person stays signed in without a request, from 5m to 30d."

    SESSION_LIFETIME: "session_lifetime", "DURATION", Some("24h"), Serve;
    "How long after the sign-in a person must sign in again, from 10m to 30d."

    INVITATION_LIFETIME: "invitation_lifetime", "DURATION", Some("7d"), Everywhere;
    "How long the link of an invitation works, from 1h to 30d."

    PASSWORD_CONCURRENCY: "password_concurrency", "PASSWORDS", Some("2"), Serve;
    "Maximum number of passwords that are checked at once, from 1 to 64, each with 19 MiB of memory and tens of milliseconds of a processor. As many more are reserved for those who have a session, a link or a device on which they signed in before."

    OPENID_ISSUER: "openid_issuer", "URL", None, Serve;
    "The issuer of the OpenID Connect provider by which people sign in, such as `https://login.example.org/realms/staff`, exactly as its metadata state it. It must be https, except on this machine. Without it, people sign in with passwords only."

    OPENID_CLIENT_ID: "openid_client_id", "ID", None, Serve;
    "The identifier of the client that is registered with the provider for this installation. Its redirect URI is `/app/sign-in/openid/callback` below `public_url`."

    OPENID_CLIENT_SECRET: "openid_client_secret", "SECRET", None, Serve, secret;
    "The secret of the client. Without one, the client is public; PKCE is used in any case."

    OPENID_SCOPES: "openid_scopes", "SCOPE", Some("email,profile"), Serve, list;
    "A scope to ask for, beside `openid`."

    OPENID_GROUPS_CLAIM: "openid_groups_claim", "CLAIM", Some("groups"), Serve;
    "The claim with the groups of a person, in the ID token or the user info; a path such as `realm_access.roles` for a claim inside another."

    OPENID_ROLES: "openid_roles", "GROUP=ROLE", None, Serve, list;
    "A group and the role that it gives: `admin`, `lead`, `contributor`, `auditor` or `reader`. The first group of the list that a person has decides, at every sign-in. Without any, the role is set here and not by groups."

    OPENID_DEFAULT_ROLE: "openid_default_role", "ROLE", None, Serve;
    "The role of a person who has none of the groups in `openid_roles`. Without it, they are refused."

    OPENID_EMAIL: "openid_email", "verified|trusted", Some("verified"), Serve;
    "Whether an email address counts only if the provider says that it is verified (`email_verified`), or always. Use `trusted` only if nobody can choose their address at the provider."

    OPENID_AMR: "openid_amr", "METHOD", None, Serve, list;
    "A method of authentication, such as `mfa`, of which the provider must state at least one (`amr`). By default any."

    OPENID_ACR: "openid_acr", "CLASS", None, Serve, list;
    "A class of authentication that is asked for, of which the provider must state one (`acr`). By default any."

    OPENID_PASSWORDS: "openid_passwords", "true|false", Some("true"), Serve;
    "Whether the people of the workspace may sign in with a password or a passkey, too."

    OPENID_LABEL: "openid_label", "TEXT", Some("Sign in with your organization"), Serve;
    "The label of the button that leads to the provider."

    OPENID_WORKSPACE: "openid_workspace", "SLUG", None, Serve;
    "The workspace whose people sign in by the provider. Required if there are several."

    IDEMPOTENCY_RETENTION: "idempotency_retention", "DURATION", Some("24h"), Serve;
    "How long an `Idempotency-Key` is stored. The API promises 24h."

    IDEMPOTENCY_STORAGE: "idempotency_storage", "MIB", Some("256"), Serve;
    "Maximum size of the responses that are stored for the idempotency keys of a service account, at least 8. Above it, writes with a new key are answered with 429 until older responses expire."

    CURSOR_LIFETIME: "cursor_lifetime", "DURATION", Some("48h"), Serve;
    "How long the cursor of a page is valid. The API promises 24h."

    AUDIT_READS: "audit_reads", "durable|buffered", Some("durable"), Serve;
    "Whether the response to a read waits until its audit entry is stored. `buffered` is faster, but a server that is killed loses the entries of the last 50 ms, and those it is storing; likewise the counts of refused calls that share an entry."

    AUDIT_ORIGIN: "audit_origin", "NAME", None, Everywhere;
    "The name of this installation in the notes and proofs of its audit logs, such as `audit.example.org`: a host name, with a path if you like, without `https://`. The log of an organization is named after it, `NAME/org_…`, and its verifier key contains that name, so choose it before others rely on proofs. By default the identifier of the installation."

    AUDIT_WITNESSES: "audit_witnesses", "URL KEY", None, Everywhere, list;
    "A witness that cosigns the newest head of the installation's own audit log, in which the heads of all logs are named: the address (`https`, but for this machine) to which `add-checkpoint` of C2SP `tlog-witness` is appended, a space, and the verifier key of its Ed25519 cosignatures, `NAME+ID+KEY`. At most 15. The witness must be given the key that `novantra audit public-key --note --workspace -` prints. Nothing waits for a witness."

    AUDIT_WITNESS_INTERVAL: "audit_witness_interval", "DURATION", Some("1m"), Serve;
    "How often the newest head is sent to the `audit_witnesses` that have not cosigned it, from 1s to 1d. After a failure the pause is doubled, up to an hour."

    INSTALLATION_LOG_ENTRIES: "installation_log_entries", "ENTRIES", Some("5000000"), Serve;
    "Maximum number of entries in the installation's own audit log, at least 1000. It has the calls without a known account, and changes by operators. The oldest entries beyond it, of about 50 bytes each, are removed in parts of 4,096, or of 256 in a shorter log, and an entry of the log records that."

    INSTALLATION_LOG_RETENTION: "installation_log_retention", "DURATION", Some("1826d"), Serve;
    "How long entries of the installation's own audit log are stored, at least 1d. Their removal is recorded in the log. The logs of workspaces are not affected."

    AUDIT_RETENTION: "audit_retention", "DURATION", None, Serve;
    "How long entries of the audit logs of workspaces are stored, at least 1d; by default for ever. When all entries of a part of a log are older, they are removed: parts have 4,096 entries, or 256 in a shorter log, so single entries stay longer. An entry of the log records the removal with the hash and the root of the tree at its end, so that the rest of the log still verifies."

    AUDIT_RETENTION_LONGER: "audit_retention_longer", "WORKSPACE=DURATION", None, Serve, list;
    "A workspace whose entries are stored longer than `audit_retention`, such as `cedar-valley=3652d` or `cedar-valley=forever`."

    AUDIT_ARCHIVE_URL: "audit_archive_url", "URL", None, Everywhere;
    "The archive that old entries of audit logs move to, out of the database: `file:FOLDER`, which must exist, `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`. By default all entries stay in the database. For a bucket, `attachments_endpoint`, `attachments_access_key` and `attachments_secret` are used if they are set, otherwise the environment variables of the service. Once entries were archived, all servers and commands need this setting to read them."

    AUDIT_ARCHIVE_AFTER: "audit_archive_after", "DURATION", Some("90d"), Everywhere;
    "The age from which on entries move to `audit_archive_url`. They do so in parts of 65,536 entries of a log, when the newest of them is that old."

    MAX_CONNECTIONS: "max_connections", "CONNECTIONS", Some("4096"), Serve;
    "Maximum number of open connections to the API. Further connections wait to be accepted. It is reduced if the limit of open files does not allow as many beside what the server itself needs. A network (IPv4 /24, IPv6 /48) gets at most half of what all others leave, and one address of it a quarter of that, except a `trusted_proxy` and this machine."

    REQUEST_BODY_MEMORY: "request_body_memory", "MIB", Some("64"), Serve;
    "Maximum memory for request bodies in the API, at least 8. An organization gets at most half of what all others leave, and each of its service accounts a quarter of that; a request whose body does not fit into that share is answered with 429, and with 503 if the whole memory is in use. Unauthenticated requests have a separate budget of a quarter of it, of which each address gets a share."

    RESPONSE_BODY_MEMORY: "response_body_memory", "MIB", Some("64"), Serve;
    "Maximum memory in the API for deciding on requests and for responses that clients have not read yet, at least 8. The shares are those of `request_body_memory`; a request waits up to 5 s for its share. NDJSON streams and downloads need none of it."

    DOWNLOAD_MEMORY: "download_memory", "MIB", Some("64"), Serve;
    "Maximum memory in the API for downloads of attachments, at least 8: 0.5 MiB for each from a folder, and 1.5 MiB for each from a bucket. The shares are those of `request_body_memory`; a download waits up to 5 s for its share, and slow downloads hinder no other request of their account."

    WEBHOOKS_ALLOW_LOOPBACK_HTTP: "webhooks_allow_loopback_http", "true|false", Some("false"), Serve;
    "Whether webhooks may be sent to this machine itself, and then by plain HTTP. For development."

    WEBHOOKS_ALLOW_ADDRESSES: "webhooks_allow_addresses", "CIDR", None, Serve, list;
    "A private network that webhooks may be sent to in addition to the public internet, such as `10.20.0.0/16`."

    WEBHOOKS_RETENTION: "webhooks_retention", "DURATION", Some("30d"), Serve;
    "How long webhook deliveries, their attempts and their events are stored, at least 4d."

    WEBHOOKS_CONCURRENCY: "webhooks_concurrency", "ATTEMPTS", Some("1024"), Serve;
    "Maximum number of webhook deliveries in flight, from 4 to 65536. At most three quarters of them go to failing endpoints."

    LOG_FORMAT: "log_format", "auto|text|json", Some("auto"), Everywhere;
    "Format of the log on stderr. `auto` is text on a terminal and JSON otherwise."

    LOG_LEVEL: "log_level", "LEVEL", None, Everywhere;
    "Log level: `error`, `warn`, `info`, `debug`, `trace`, or a filter such as `info,novantra=debug`. By default `info` for the server and `warn` for all other commands."
}
