//! The state of the API that the server holds.

use std::sync::Arc;

use kernel::StoreError;

use crate::{
    account_cache::AccountCache,
    audit_recorder::AuditRecorder,
    body_budget::BodyBudget,
    services::Services,
    streams::{EventStreams, StreamLimits},
};

/// The services, caches and limits that requests are handled with. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub(crate) services: Arc<Services>,
    pub(crate) accounts: Arc<AccountCache>,
    pub(crate) audit_recorder: Arc<AuditRecorder>,
    pub(crate) body_budget: Arc<BodyBudget>,
    pub(crate) stream_limits: Arc<StreamLimits>,
    pub(crate) event_streams: Arc<EventStreams>,
}

impl App {
    /// Creates the API over these services. Must be called within a Tokio runtime.
    #[must_use]
    pub fn new(services: Services) -> Self {
        let trail = Arc::new(AuditRecorder::new(&services));
        let intake = Arc::new(BodyBudget::new(services.settings.body_memory));
        Self {
            services: Arc::new(services),
            accounts: Arc::default(),
            audit_recorder: trail,
            body_budget: intake,
            stream_limits: Arc::new(StreamLimits::for_collections()),
            event_streams: Arc::default(),
        }
    }

    /// Closes the event streams, which never end by themselves. The server calls this when it shuts down.
    pub fn close_event_streams(&self) {
        self.event_streams.close_all();
    }

    /// Stores the times of the accounts' last requests, and records the refusals that were only counted. The server
    /// calls this about once a minute.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails. The collected data is then kept for the next call.
    pub async fn run_periodic(&self) -> Result<(), StoreError> {
        self.audit_recorder.record_counted(&self.services, false).await?;
        self.accounts.store_last_used(&*self.services.store).await
    }

    /// Stores everything that is still buffered. The server calls this before it stops, once no request is in flight.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn flush(&self) -> Result<(), StoreError> {
        self.audit_recorder.drain().await;
        self.audit_recorder.record_counted(&self.services, true).await?;
        self.accounts.store_last_used(&*self.services.store).await
    }
}
