//! The state that requests are handled with.

use std::sync::Arc;

use auth::AccountId;
use kernel::StoreError;

use super::{
    account_cache::AccountCache,
    audit_recorder::{AuditNote, AuditRecorder},
    call_counter::CallCounter,
    head_memory::MAX_HEAD_MEMORY,
    kept_responses::KeptResponses,
    services::Services,
    stream_limits::StreamLimits,
};
use crate::{
    memory::MemoryBudget,
    request::{AuditIdentity, CachedAccount},
};

/// The services, caches and limits that requests are handled with. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// The ports and the settings.
    pub services: Arc<Services>,
    pub(crate) accounts: Arc<AccountCache>,
    pub(crate) audit_recorder: Arc<AuditRecorder>,
    pub(crate) call_counter: Arc<CallCounter>,
    /// The memory for requests in flight besides their bodies.
    pub(crate) head_memory: Arc<MemoryBudget>,
    /// The memory for request bodies.
    pub(crate) request_memory: Arc<MemoryBudget>,
    /// The memory for response bodies.
    pub(crate) response_memory: Arc<MemoryBudget>,
    /// The memory for downloads.
    pub(crate) download_memory: Arc<MemoryBudget>,
    pub(crate) stream_limits: Arc<StreamLimits>,
    pub(crate) kept_responses: Arc<KeptResponses>,
}

impl App {
    /// Creates the state over these services. Must be called within a Tokio runtime.
    #[must_use]
    pub fn new(services: Services) -> Self {
        let audit_recorder = Arc::new(AuditRecorder::new(&services));
        let request_memory = Arc::new(MemoryBudget::new(services.settings.body_memory));
        let response_memory = Arc::new(MemoryBudget::new(services.settings.response_memory));
        let download_memory = Arc::new(MemoryBudget::new(services.settings.download_memory));
        Self {
            services: Arc::new(services),
            accounts: Arc::default(),
            audit_recorder,
            call_counter: Arc::default(),
            head_memory: Arc::new(MemoryBudget::new(MAX_HEAD_MEMORY)),
            request_memory,
            response_memory,
            download_memory,
            stream_limits: Arc::new(StreamLimits::for_collections()),
            kept_responses: Arc::default(),
        }
    }

    /// Returns the account with the client id of a credential, in a revision that is current when this is called or
    /// later, or `None` if there is no such account.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn account_by_client_id(&self, id: AccountId) -> Result<Option<Arc<CachedAccount>>, StoreError> {
        self.accounts.by_client_id(&*self.services.store, id).await
    }

    /// Records a request in the audit log of the caller's organization, or in that of the installation if the caller
    /// is unknown. If it is `repeatable`, because it is charged to no account, it shares an entry with those like it of
    /// the same minute.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails. The response must then not be sent.
    pub async fn record(
        &self,
        identity: Option<AuditIdentity<'_>>,
        note: AuditNote,
        repeatable: bool,
    ) -> Result<(), StoreError> {
        if repeatable {
            self.audit_recorder.record_repeatable(&self.services, identity, note).await
        } else {
            self.audit_recorder.record(&self.services, identity, note).await
        }
    }

    /// Stores the times of the accounts' last requests. The server calls this about once a minute.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails. The collected data is then kept for the next call.
    pub async fn store_last_used(&self) -> Result<(), StoreError> {
        self.accounts.store_last_used(&*self.services.store).await
    }

    /// Stores the numbers of the accounts' calls. The server calls this about once a minute.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails. The numbers are then kept for the next call.
    pub async fn store_calls(&self) -> Result<(), StoreError> {
        self.call_counter.store(&*self.services.store).await
    }

    /// Records the requests that were only counted and whose minute is over. The server calls this when it has started,
    /// because the server before it may have been killed, and then every few seconds.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails. The counts are then kept for the next call.
    pub async fn record_repeated_calls(&self) -> Result<(), StoreError> {
        self.audit_recorder.record_repeated(&self.services).await
    }

    /// Stores everything that is still buffered. The server calls this before it stops, once no request is in flight.
    ///
    /// # Errors
    /// [`StoreError`] when the store fails.
    pub async fn flush(&self) -> Result<(), StoreError> {
        let recorded = self.audit_recorder.finish(&self.services).await;
        let stored = self.store_last_used().await;
        let counted = self.store_calls().await;
        recorded.and(stored).and(counted)
    }
}
