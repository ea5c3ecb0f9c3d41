//! `novantra serve`: starts the server from the settings and shuts it down on a signal.

mod access_log;
mod admin;
mod certificate;
mod connection;
mod demo;
mod first_start;
mod limits;
mod listener;
mod lock;
mod maintenance;
mod metrics;
mod open_files;
mod refresh_signing_keys;
mod response_progress;
mod seal_audit_log;
mod shutdown;
mod webhook_metrics;
mod webhooks;
mod write_timeout;

use std::sync::Arc;

use clap::Args;
use http_api::App;
use serde_json::{Value, json};

use crate::{
    cli::CommandContext,
    compose::{Installation, OpenMode},
    failure::Failure,
    settings::{Database, Settings},
};

use admin::AdminState;
use certificate::CertificateReloader;
use limits::Limits;
use listener::Listener;
pub(crate) use lock::ServerLock;
use metrics::Metrics;
use shutdown::Signals;
use webhooks::WebhookTasks;

/// Maximum number of connections of the admin listener, for a scraper and a few probes.
const ADMIN_CONNECTIONS: usize = 64;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  novantra serve\n  novantra serve --demo\n  novantra serve --listen 127.0.0.1:0 --data-dir /srv/novantra"
)]
pub(crate) struct Serve {
    /// Serve a sample workspace from a temporary folder.
    #[arg(long)]
    demo: bool,
    /// Don't migrate the database, and refuse to start if its schema is not that of this program.
    #[arg(long)]
    no_migrate: bool,
}

/// Runs the server until it receives a signal to stop.
///
/// # Errors
/// If the server can't start, or can't shut down cleanly.
pub(crate) fn run(serve: Serve, context: CommandContext) -> Result<(), Failure> {
    let CommandContext { mut settings, output } = context;
    // The demo's folder is removed at the end of this scope, after everything in it is closed.
    let folder = if serve.demo { Some(demo::use_temporary_folder(&mut settings)?) } else { None };
    let _lock = ServerLock::acquire(&settings.database)?;
    open_files::raise_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(async {
        let signals = Signals::listen()?;
        let server = Server::start(&serve, settings, folder.is_some()).await?;
        output.print(&server.document(), || server.text())?;
        server.run(signals).await
    });
    drop(runtime);
    result
}

/// A server whose ports are bound and whose store is open.
struct Server {
    settings: Settings,
    installation: Installation,
    app: App,
    limits: Limits,
    metrics: Arc<Metrics>,
    deliveries: WebhookTasks,
    api: Listener,
    admin: Listener,
    certificate: Option<CertificateReloader>,
    accounts: Vec<first_start::PrintedAccount>,
    demo: bool,
}

impl Server {
    async fn start(serve: &Serve, settings: Settings, demo: bool) -> Result<Self, Failure> {
        let certificate = settings.tls.as_ref().map(CertificateReloader::open).transpose()?;
        // The ports are bound first, so that a port in use leaves no trace of a first start.
        let api = Listener::bind(settings.listen, "listen").await?;
        let api = match &certificate {
            Some(certificate) => api.with_tls(certificate.current()),
            None => api,
        };
        let admin = Listener::bind(settings.admin_listen, "admin-listen").await?;
        let mode = if serve.no_migrate { OpenMode::ServeNoMigrate } else { OpenMode::Serve };
        let installation = Installation::open(&settings, mode).await?;
        match Self::prepare(&installation, &settings, demo).await {
            Ok((guests, metrics, limits, deliveries, app)) => Ok(Self {
                settings,
                installation,
                app,
                limits,
                metrics,
                deliveries,
                api,
                admin,
                certificate,
                accounts: guests,
                demo,
            }),
            Err(failure) => {
                installation.store.close().await;
                Err(failure)
            }
        }
    }

    async fn prepare(
        installation: &Installation,
        settings: &Settings,
        demo: bool,
    ) -> Result<(Vec<first_start::PrintedAccount>, Arc<Metrics>, Limits, WebhookTasks, App), Failure> {
        let guests =
            if demo { demo::seed(installation).await? } else { first_start::prepare(installation, settings).await? };
        let metrics = Arc::new(Metrics::new()?);
        let limits = Limits::new(installation, settings, &metrics)?;
        let deliveries = WebhookTasks::new(installation, settings, &metrics)?;
        let store = Arc::clone(&limits.store);
        let observer = Arc::clone(&metrics) as _;
        let app = App::new(installation.services(&settings.api, store, observer, &deliveries.webhooks)?);
        Ok((guests, metrics, limits, deliveries, app))
    }

    async fn run(self, mut signals: Signals) -> Result<(), Failure> {
        let Self { settings, installation, app, limits, metrics, deliveries, api, admin, certificate, .. } = self;
        let (trigger, stop) = shutdown::channel();
        let (admin_trigger, admin_stop) = shutdown::channel();
        let probed = AdminState {
            store: Arc::clone(&installation.store),
            clock: Arc::clone(&installation.clock),
            metrics: Arc::clone(&metrics),
            webhooks: Arc::clone(&deliveries.metrics),
            shutdown: stop.clone(),
        };
        for warning in settings.warnings() {
            tracing::warn!("{warning}");
        }
        tracing::info!("listening on {}", api.url());
        tracing::info!("serving probes and metrics on {}", admin.url());
        tracing::info!("storing records in {}", database_description(&settings));

        let probes = admin.serve(admin::router(probed), ADMIN_CONNECTIONS, None, admin_stop);
        let probes = tokio::spawn(probes);
        let reloader = certificate
            .map(|reloader| reloader.start(Arc::clone(&installation.clock), &metrics, stop.clone()))
            .transpose()?;
        let (seal_trigger, seal_stop) = shutdown::channel();
        let refresher = tokio::spawn(refresh_signing_keys::run(installation.tokens()?, seal_stop.clone()));
        let limits = tokio::spawn(limits.run(Arc::clone(&installation.clock), seal_stop.clone()));
        let sealer = tokio::spawn(seal_audit_log::run(installation.clone(), seal_stop));
        let upkeep = tokio::spawn(maintenance::run(installation.clone(), app.clone(), settings.clone(), stop.clone()));
        let webhooks = deliveries.webhooks.endpoint_services();
        let deliveries = deliveries.start(&installation, &stop);
        let router = http_api::router(app.clone(), [api_v1::surface(Arc::clone(&webhooks))]);
        let requests = api.serve(router, settings.max_connections, Some(metrics), stop);
        let mut requests = tokio::spawn(requests);

        let signal = signals.next().await;
        tracing::info!("received {signal}: finishing requests in flight");
        trigger.fire();
        webhooks.close_event_streams();
        tokio::select! {
            result = &mut requests => result?,
            signal = signals.next() => tracing::warn!("received {signal} again: aborting requests in flight"),
        }
        upkeep.await?;
        deliveries.await?;
        if let Some(reloader) = reloader {
            reloader.await?;
        }
        // The audit log is sealed last, when nothing can write to it any more.
        let flushed = app.flush().await;
        seal_trigger.fire();
        sealer.await?;
        refresher.await?;
        limits.await?;
        installation.store.close().await;
        admin_trigger.fire();
        probes.await?;
        flushed?;
        tracing::info!("stopped");
        Ok(())
    }

    fn document(&self) -> Value {
        let accounts: Vec<Value> = self.accounts.iter().map(|account| account.document(&self.api.url())).collect();
        json!({ "listen": self.api.url(), "admin_listen": self.admin.url(), "service_accounts": accounts })
    }

    fn text(&self) -> String {
        let url = self.api.url();
        let head = if self.demo { demo::introduction(&url) } else { String::new() };
        let accounts: Vec<String> = self.accounts.iter().map(|account| account.text(&url)).collect();
        format!("{head}{}", accounts.join("\n"))
    }
}

/// Describes where records are stored. A PostgreSQL URL is not shown, because it may contain a password.
fn database_description(settings: &Settings) -> String {
    match &settings.database {
        Database::Memory => "memory; they are deleted when the server stops".to_owned(),
        Database::Sqlite(file) => file.display().to_string(),
        Database::Postgres(_) => "PostgreSQL".to_owned(),
    }
}
