//! `novantra serve`: from settings to a server that answers, and from a signal to a clean end.

mod access;
mod admin;
mod certificate;
mod connection;
mod demo;
mod first_start;
mod limits;
mod listener;
mod lock;
mod metrics;
mod open_files;
mod pace;
mod patient;
mod sealer;
mod shutdown;
mod signing_keys;
mod upkeep;
mod webhook_metrics;
mod webhooks;

use std::sync::Arc;

use api::App;
use clap::Args;
use serde_json::{Value, json};

use crate::{
    cli::Context,
    compose::{Installation, Opening},
    failure::Failure,
    settings::{Database, Settings},
};

use admin::Probed;
use certificate::Keeper;
use limits::Limits;
use listener::Listener;
pub(crate) use lock::ServerLock;
use metrics::Metrics;
use shutdown::Signals;
use webhooks::Deliveries;

/// Connections the admin listener holds open at once: a scraper and a few probes.
const ADMIN_CONNECTIONS: usize = 64;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  novantra serve\n  novantra serve --demo\n  novantra serve --listen 127.0.0.1:0 --data-dir /srv/novantra"
)]
pub(crate) struct Serve {
    /// Serve a sample workspace from a throw-away folder.
    #[arg(long)]
    demo: bool,
    /// Refuse to start rather than bring the database to this program's schema.
    #[arg(long)]
    no_migrate: bool,
}

/// Runs the server until it is asked to stop.
///
/// # Errors
/// What keeps it from starting, or from ending cleanly.
pub(crate) fn run(serve: Serve, context: Context) -> Result<(), Failure> {
    let Context { mut settings, output } = context;
    // Removed when it goes out of scope, after everything in it is closed.
    let folder = if serve.demo { Some(demo::move_in(&mut settings)?) } else { None };
    let _lock = ServerLock::take(&settings.database)?;
    open_files::raise_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(async {
        let signals = Signals::take()?;
        let server = Server::start(&serve, settings, folder.is_some()).await?;
        output.show(&server.document(), || server.words())?;
        server.run(signals).await
    });
    drop(runtime);
    ended
}

/// A server that has its ports and its store.
struct Server {
    settings: Settings,
    installation: Installation,
    app: App,
    limits: Limits,
    metrics: Arc<Metrics>,
    deliveries: Deliveries,
    api: Listener,
    admin: Listener,
    certificate: Option<Keeper>,
    guests: Vec<first_start::Guest>,
    demo: bool,
}

impl Server {
    async fn start(serve: &Serve, settings: Settings, demo: bool) -> Result<Self, Failure> {
        let certificate = settings.tls.as_ref().map(Keeper::open).transpose()?;
        // The ports come first: a port that is taken should leave no trace of a first start.
        let api = Listener::bind(settings.listen, "listen").await?;
        let api = match &certificate {
            Some(certificate) => api.secured(certificate.current()),
            None => api,
        };
        let admin = Listener::bind(settings.admin_listen, "admin-listen").await?;
        let opening = if serve.no_migrate { Opening::ServerWithoutMigration } else { Opening::Server };
        let installation = Installation::open(&settings, opening).await?;
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
                guests,
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
    ) -> Result<(Vec<first_start::Guest>, Arc<Metrics>, Limits, Deliveries, App), Failure> {
        let guests = if demo {
            demo::furnish(installation).await?
        } else {
            first_start::prepare(installation, settings).await?
        };
        let metrics = Arc::new(Metrics::new()?);
        let limits = Limits::of(installation, settings, &metrics)?;
        let deliveries = Deliveries::of(installation, settings, &metrics)?;
        let store = Arc::clone(&limits.store);
        let observer = Arc::clone(&metrics) as _;
        let app = App::new(installation.services(&settings.api, store, observer, &deliveries.webhooks)?);
        Ok((guests, metrics, limits, deliveries, app))
    }

    async fn run(self, mut signals: Signals) -> Result<(), Failure> {
        let Self { settings, installation, app, limits, metrics, deliveries, api, admin, certificate, .. } = self;
        let (stopper, stop) = shutdown::stop();
        let (admin_stopper, admin_stop) = shutdown::stop();
        let probed = Probed {
            store: Arc::clone(&installation.store),
            clock: Arc::clone(&installation.clock),
            metrics: Arc::clone(&metrics),
            webhooks: Arc::clone(&deliveries.metrics),
            stop: stop.clone(),
        };
        for doubt in settings.doubts() {
            tracing::warn!("{doubt}");
        }
        tracing::info!("listening on {}", api.url());
        tracing::info!("probes and metrics on {}", admin.url());
        tracing::info!("records in {}", place(&settings));

        let probes = admin.serve(admin::router(probed), ADMIN_CONNECTIONS, None, admin_stop);
        let probes = tokio::spawn(probes);
        let renewal = certificate
            .map(|keeper| keeper.start(Arc::clone(&installation.clock), &metrics, stop.clone()))
            .transpose()?;
        let (seal_stopper, seal_stop) = shutdown::stop();
        let refresher = tokio::spawn(signing_keys::keep_fresh(installation.tokens()?, seal_stop.clone()));
        let limits = tokio::spawn(limits.keep_up(Arc::clone(&installation.clock), seal_stop.clone()));
        let sealer = tokio::spawn(sealer::keep_sealed(installation.clone(), seal_stop));
        let upkeep = tokio::spawn(upkeep::keep_up(installation.clone(), app.clone(), settings.clone(), stop.clone()));
        let deliveries = deliveries.start(&installation, &stop);
        let calls = api.serve(api::router(app.clone()), settings.max_connections, Some(metrics), stop);
        let mut calls = tokio::spawn(calls);

        let signal = signals.next().await;
        tracing::info!("{signal}: finishing calls in flight");
        stopper.ask();
        app.hang_up();
        tokio::select! {
            ended = &mut calls => ended?,
            again = signals.next() => tracing::warn!("{again} again: calls in flight are cut off"),
        }
        upkeep.await?;
        deliveries.await?;
        if let Some(renewal) = renewal {
            renewal.await?;
        }
        // The audit log is whole once nothing can write to it any more, so it is sealed last.
        let flushed = app.flush().await;
        seal_stopper.ask();
        sealer.await?;
        refresher.await?;
        limits.await?;
        installation.store.close().await;
        admin_stopper.ask();
        probes.await?;
        flushed?;
        tracing::info!("stopped");
        Ok(())
    }

    fn document(&self) -> Value {
        let guests: Vec<Value> = self.guests.iter().map(|guest| guest.document(&self.api.url())).collect();
        json!({ "listen": self.api.url(), "admin_listen": self.admin.url(), "service_accounts": guests })
    }

    fn words(&self) -> String {
        let url = self.api.url();
        let head = if self.demo { demo::words(&url) } else { String::new() };
        let guests: Vec<String> = self.guests.iter().map(|guest| guest.words(&url)).collect();
        format!("{head}{}", guests.join("\n"))
    }
}

/// Where records are, for people. A URL may hold a password.
fn place(settings: &Settings) -> String {
    match &settings.database {
        Database::Memory => "memory, gone when the server stops".to_owned(),
        Database::Sqlite(file) => file.display().to_string(),
        Database::Postgres(_) => "PostgreSQL".to_owned(),
    }
}
