//! The state of the API that the server holds.

use std::sync::Arc;

use kernel::StoreError;

use crate::{
    accounts::AccountCache,
    intake::Intake,
    services::Services,
    streams::{Hearing, Places},
    trail::Trail,
};

/// The services, caches and limits that requests are handled with. Cheap to clone.
#[derive(Clone)]
pub struct App {
    pub(crate) services: Arc<Services>,
    pub(crate) accounts: Arc<AccountCache>,
    pub(crate) trail: Arc<Trail>,
    pub(crate) intake: Arc<Intake>,
    pub(crate) streams: Arc<Places>,
    pub(crate) hearing: Arc<Hearing>,
}

impl App {
    /// Creates the API over these services. Must be called within a Tokio runtime.
    #[must_use]
    pub fn new(services: Services) -> Self {
        let trail = Arc::new(Trail::new(&services));
        let intake = Arc::new(Intake::new(services.settings.body_memory));
        Self {
            services: Arc::new(services),
            accounts: Arc::default(),
            trail,
            intake,
            streams: Arc::new(Places::of_collections()),
            hearing: Arc::default(),
        }
    }

    /// Closes the event streams, which never end by themselves. The server calls this when it shuts down.
    pub fn hang_up(&self) {
        self.hearing.hang_up();
    }

    /// Stores the times of the accounts' last requests, and records the refusals that were only counted. The server
    /// calls this about once a minute.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails. The collected data is then kept for the next call.
    pub async fn keep_up(&self) -> Result<(), StoreError> {
        self.trail.record_counted(&self.services, false).await?;
        self.accounts.note_uses(&*self.services.store).await
    }

    /// Stores everything that is still buffered. The server calls this before it stops, once no request is in flight.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn flush(&self) -> Result<(), StoreError> {
        self.trail.drain().await;
        self.trail.record_counted(&self.services, true).await?;
        self.accounts.note_uses(&*self.services.store).await
    }
}
