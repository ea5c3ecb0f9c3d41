//! The API as the server holds it.

use std::sync::Arc;

use kernel::StoreError;

use crate::{
    accounts::AccountCache,
    intake::Intake,
    services::Services,
    streams::{Hearing, Places},
    trail::Trail,
};

/// Everything a call is answered with. Cheap to clone.
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
    /// The API over these services. Must be called within a Tokio runtime.
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

    /// Ends the streams of events, which come to no end by themselves: for a server that stops.
    pub fn hang_up(&self) {
        self.hearing.hang_up();
    }

    /// What is to be done every minute or so: notes when accounts last called, and puts refusals on record that were
    /// only counted.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails; nothing that was gathered is lost then.
    pub async fn keep_up(&self) -> Result<(), StoreError> {
        self.trail.record_counted(&self.services, false).await?;
        self.accounts.note_uses(&*self.services.store).await
    }

    /// What is to be done before the server stops, once no call is in flight.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn flush(&self) -> Result<(), StoreError> {
        self.trail.drain().await;
        self.trail.record_counted(&self.services, true).await?;
        self.accounts.note_uses(&*self.services.store).await
    }
}
