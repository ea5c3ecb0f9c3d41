//! The server: started from the settings, and shut down on a signal.

mod admin;
mod attachment_probe;
mod bootstrap;
mod evidence_files;
mod listen;
mod metrics;
#[cfg(test)]
mod monitoring_files;
mod rate_limits;
mod shutdown;
mod tasks;

use std::{sync::Arc, time::Duration};

use api_v1::{ApiServices, AttachmentServices, PayloadRenderer};
use console::ConsoleServices;
use evidence::ContentStore;
use http_api::App;
use tokio::time::{Instant, timeout_at};

use crate::{
    clock::ReplayClock,
    compose::{Installation, OpenMode, Webhooks},
    failure::Failure,
    operations::{AuditWitnesses, EvidenceExpiry, RollupCounter, SearchIndexer, SharedTables, record_log_continuation},
    permissions::exposed_files,
    settings::{Database, Settings},
};

use admin::AdminState;
use attachment_probe::AttachmentProbe;
use bootstrap::{PrintedAccount, PrintedLink, demo, first_start, open_files};
use evidence_files::SharedFiles;
use listen::{CertificateReloader, ConnectionLimits, Listener};
use metrics::{
    AuditMetrics, CertificateMetrics, MeteredContents, Metrics, PeopleMetrics, RollupMetrics, SearchMetrics,
    WebhookMetrics,
};
use rate_limits::RateLimits;
use shutdown::Signals;
use tasks::{
    cosign_heads, count_rollups, expire_evidence, fan_out_events, index_titles, maintenance, record_repeated_calls,
    refresh_signing_keys, reload_certificate, report_repeats, return_rate_limits, seal_audit_log, send_deliveries,
    settle_rows, sweep_attachments,
};

pub(crate) use bootstrap::{ReadyMessage, ServerLock};

/// Maximum duration of stopping a server whose database is another process, which may not answer any more.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(30);

/// Minimum time for closing the database after the requests in flight have ended.
const MIN_CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// The options of a server that are not settings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServeOptions {
    /// Serve sample records from a temporary folder.
    pub(crate) demo: bool,
    /// The purpose of opening the installation: what the server may create or migrate before it serves.
    pub(crate) mode: OpenMode,
}

/// Runs the server until it receives a signal to stop. Calls `announce` once it is ready.
///
/// # Errors
/// If the server can't start, or can't shut down cleanly.
pub(crate) fn run(
    options: ServeOptions,
    mut settings: Settings,
    announce: impl FnOnce(&ReadyMessage) -> Result<(), Failure>,
) -> Result<(), Failure> {
    // The demo's folder is removed at the end of this scope, after everything in it is closed.
    let _folder = if options.demo { Some(demo::use_temporary_folder(&mut settings)?) } else { None };
    let _lock = ServerLock::acquire(&settings.database)?;
    open_files::fit_connections(&mut settings, open_files::raise_limit())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(async {
        let signals = Signals::listen()?;
        let (server, ready) = Server::start(options, settings).await?;
        announce(&ready)?;
        server.run(signals).await
    });
    drop(runtime);
    result
}

/// A server whose ports are bound and whose store is open.
struct Server {
    settings: Settings,
    is_demo: bool,
    installation: Installation,
    api: Listener,
    admin: Listener,
    certificate: Option<CertificateReloader>,
    components: Components,
}

/// The components of a server that need its open store.
struct Components {
    app: App,
    limits: RateLimits,
    webhooks: Webhooks,
    attachments: Arc<dyn ContentStore>,
    metrics: Arc<Metrics>,
    webhook_metrics: Arc<WebhookMetrics>,
}

impl Server {
    async fn start(options: ServeOptions, mut settings: Settings) -> Result<(Self, ReadyMessage), Failure> {
        let certificate = settings.tls.as_ref().map(CertificateReloader::open).transpose()?;
        // The ports are bound first, so that a port in use leaves no trace of a first start.
        let api = Listener::bind(settings.listen, "listen").await?;
        let api = match &certificate {
            Some(certificate) => api.with_tls(certificate.current()),
            None => api,
        };
        let admin = Listener::bind(settings.admin_listen, "admin-listen").await?;
        settings.public_url = settings.public_url.of_bound(&api.url());
        settings.api.public_url = settings.public_url.join("");
        let (installation, replay) = if options.demo {
            let (installation, replay) = Installation::open_in_past(&settings, options.mode, demo::PAST).await?;
            (installation, Some(replay))
        } else {
            (Installation::open(&settings, options.mode).await?, None)
        };
        match prepare(&installation, &settings, replay.as_deref()).await {
            Ok((accounts, link, components)) => {
                let (url, admin_url, public_url) = (api.url(), admin.url(), settings.public_url.clone());
                let is_demo = options.demo;
                let ready = ReadyMessage { url, admin_url, public_url, accounts, link, demo: is_demo };
                Ok((Self { settings, is_demo, installation, api, admin, certificate, components }, ready))
            }
            Err(failure) => {
                installation.store.close().await;
                Err(failure)
            }
        }
    }

    async fn run(self, mut signals: Signals) -> Result<(), Failure> {
        let Self { settings, is_demo, installation, api, admin, certificate, components } = self;
        let Components { app, limits, webhooks, attachments, metrics, webhook_metrics } = components;
        let is_remote = matches!(settings.database, Database::Postgres(_));
        let (store, clock) = (&installation.store, &installation.clock);
        let (trigger, stop) = shutdown::channel();
        let (admin_trigger, admin_stop) = shutdown::channel();
        let state = AdminState {
            store: Arc::clone(store),
            tokens: installation.tokens()?,
            clock: Arc::clone(clock),
            metrics: Arc::clone(&metrics),
            webhook_metrics: Arc::clone(&webhook_metrics),
            attachments: Arc::new(AttachmentProbe::new(Arc::clone(&attachments))),
            shutdown: stop.clone(),
        };
        for warning in settings.warnings().into_iter().chain(exposed_files(&settings)) {
            tracing::warn!("{warning}");
        }
        tracing::info!("listening on {}", api.url());
        tracing::info!("serving probes and metrics on {}", admin.url());
        tracing::info!("storing records in {}", database_description(&settings));
        tracing::info!("storing attachments in {}", settings.attachments.location);

        let probes = tokio::spawn(admin.serve(
            admin::router(state),
            ConnectionLimits::for_admin(open_files::ADMIN_CONNECTIONS, &metrics),
            None,
            admin_stop,
        ));
        let reloader = match certificate {
            Some(reloader) => {
                let metrics = CertificateMetrics::register(&metrics)?;
                Some(tokio::spawn(reload_certificate::run(reloader, Arc::clone(clock), metrics, stop.clone())))
            }
            None => None,
        };
        // The tasks with this signal stop only after all requests have ended.
        let (late_trigger, late_stop) = shutdown::channel();
        let refresher = tokio::spawn(refresh_signing_keys::run(installation.tokens()?, late_stop.clone()));
        let lease_returner = tokio::spawn(return_rate_limits::run(limits.shared, Arc::clone(clock), late_stop.clone()));
        let audit_metrics = AuditMetrics::register(&metrics)?;
        let sealer = tokio::spawn(seal_audit_log::run(installation.clone(), audit_metrics, late_stop.clone()));
        let settler = tokio::spawn(settle_rows::run(Arc::clone(store), late_stop.clone()));
        let reporter = tokio::spawn(report_repeats::run(late_stop));
        let maintenance =
            tokio::spawn(maintenance::run(installation.clone(), app.clone(), settings.clone(), stop.clone()));
        let sweeper =
            tokio::spawn(sweep_attachments::run(installation.clone(), Arc::clone(&attachments), stop.clone()));
        let recorder = tokio::spawn(record_repeated_calls::run(app.clone(), stop.clone()));
        let witnesses = AuditWitnesses::new(&installation, &settings.witnesses);
        let cosigner = tokio::spawn(cosign_heads::run(witnesses, settings.witnesses.interval, stop.clone()));
        let expiry = tokio::spawn(expire_evidence::run(EvidenceExpiry::new(&installation), stop.clone()));
        let rollup_metrics = RollupMetrics::register(&metrics)?;
        let rollups = tokio::spawn(count_rollups::run(RollupCounter::new(&installation), rollup_metrics, stop.clone()));
        let search_metrics = SearchMetrics::register(&metrics)?;
        let search = tokio::spawn(index_titles::run(SearchIndexer::new(&installation), search_metrics, stop.clone()));
        let (distributor, dispatcher) =
            (webhooks.distributor(&installation), webhooks.dispatcher(&installation, webhook_metrics));
        let endpoint_services = webhooks.endpoint_services();
        // Until it is known, nothing is sent.
        endpoint_services.set_paused(store.webhooks_paused().await.unwrap_or(true));
        let notifier = webhooks.notifier;
        let fan_out = fan_out_events::run(distributor, Arc::clone(store), Arc::clone(&notifier), stop.clone());
        let fan_out = tokio::spawn(fan_out);
        let deliveries = tokio::spawn(send_deliveries::run(
            dispatcher,
            Arc::clone(store),
            notifier,
            Arc::clone(&endpoint_services),
            stop.clone(),
        ));
        let attachments = Arc::new(AttachmentServices::new(attachments, settings.attachments.limits));
        let tables = SharedTables::new(installation.clone());
        let audit_log = Arc::new(installation.published_log());
        let console_services = ConsoleServices {
            audit_log: Arc::clone(&audit_log),
            events: Arc::new(PayloadRenderer),
            files: Arc::new(SharedFiles(Arc::clone(&attachments))),
            endpoints: endpoint_services.endpoints.clone(),
            checkpoints: Arc::new(installation.checkpoint_key),
            checkpoint_key_pem: installation.checkpoint_key.to_pem(),
            api_document: api_v1::document(),
            tables: Arc::new(tables.clone()),
            api_path: api_v1::collection_path,
        };
        let web_app =
            if is_demo { console::demo_surface(console_services) } else { console::surface(console_services) };
        let surface = api_v1::surface(ApiServices { webhooks: Arc::clone(&endpoint_services), attachments, audit_log });
        let requests = api.serve(
            http_api::router(app.clone(), [surface, web_app]),
            ConnectionLimits::for_api(settings.max_connections, settings.api.trusted_proxies.clone(), &metrics),
            Some(metrics),
            stop,
        );
        let mut requests = tokio::spawn(requests);

        let signal = signals.next().await;
        let stopping_since = Instant::now();
        tracing::info!("received {signal}: finishing requests in flight");
        trigger.fire();
        endpoint_services.close_event_streams();
        tokio::select! {
            result = &mut requests => result?,
            signal = signals.next() => tracing::warn!("received {signal} again: aborting requests in flight"),
        }
        let stopped = async {
            maintenance.await?;
            tables.stop().await;
            recorder.await?;
            cosigner.await?;
            sweeper.await?;
            expiry.await?;
            rollups.await?;
            search.await?;
            fan_out.await.and(deliveries.await)?;
            if let Some(reloader) = reloader {
                reloader.await?;
            }
            // The audit log is sealed last, when nothing can write to it any more.
            let flushed = app.flush().await;
            late_trigger.fire();
            sealer.await?;
            settler.await?;
            refresher.await?;
            lease_returner.await?;
            reporter.await?;
            store.close().await;
            admin_trigger.fire();
            probes.await?;
            flushed.map_err(Failure::from)
        };
        if is_remote {
            let deadline = (stopping_since + SHUTDOWN_TIMEOUT).max(Instant::now() + MIN_CLOSE_TIMEOUT);
            timeout_at(deadline, stopped).await.map_err(|_| unanswered_shutdown())??;
        } else {
            stopped.await?;
        }
        tracing::info!("stopped");
        Ok(())
    }
}

/// Creates the records of a first start or of the demo, and the components of the server that need the store.
async fn prepare(
    installation: &Installation,
    settings: &Settings,
    replay: Option<&ReplayClock>,
) -> Result<(Vec<PrintedAccount>, Option<PrintedLink>, Components), Failure> {
    let now = installation.clock.now();
    installation.store.discard_future_state(now, settings.api.idempotency_retention).await?;
    record_log_continuation(installation).await?;
    let (accounts, link) = match replay {
        Some(replay) => demo::seed(installation, settings, replay).await?,
        None => first_start::prepare(installation, settings).await?,
    };
    let metrics = Arc::new(Metrics::new()?);
    let limits = RateLimits::new(installation, settings, &metrics)?;
    let webhooks = Webhooks::new(installation, &settings.webhooks);
    let webhook_metrics = Arc::new(WebhookMetrics::register(&metrics)?);
    let observers = (Arc::clone(&metrics) as _, Arc::new(PeopleMetrics::register(&metrics)?) as _);
    let app = App::new(installation.services(settings, Arc::clone(&limits.store), observers, &webhooks)?);
    let contents = Arc::clone(&installation.attachments.contents);
    let attachments = Arc::new(MeteredContents::register(&metrics, contents)?);
    Ok((accounts, link, Components { app, limits, webhooks, attachments, metrics, webhook_metrics }))
}

fn unanswered_shutdown() -> Failure {
    Failure::new(
        "the database did not answer while the server stopped: audit entries of the last seconds, of calls that changed \
         nothing, may be missing, and the next server or command seals the audit log",
    )
}

/// Describes where records are stored. A PostgreSQL URL is not shown, because it may contain a password.
fn database_description(settings: &Settings) -> String {
    match &settings.database {
        Database::Memory => "memory; they are deleted when the server stops".to_owned(),
        Database::Sqlite(file) => file.display().to_string(),
        Database::Postgres(_) => "PostgreSQL".to_owned(),
    }
}
