//! A file that a request has sent, from its bytes to the object that an attachment has.

use std::sync::Arc;

use evidence::{
    ContentDamage, ContentHash, ContentKey, ContentUpload, EvidenceContent, FinishedUpload, ObjectName, StoredContent,
    record_replacement,
};
use http_api::{
    App,
    handlers::WriteOutcome,
    request::{ApiRequest, ByteSource},
    response::Problem,
};
use kernel::{Changeset, OrganizationId, Reader, Stored, WriteContext};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::{
    attachment_limits::ReservedRoom,
    attachment_services::{AttachmentServices, content_problem},
};

/// The bytes of a file, until they belong to an attachment. If an attachment with the same bytes exists, its object is
/// used, and the received bytes are discarded.
pub(crate) struct ReceivedFile {
    services: Arc<AttachmentServices>,
    organization: OrganizationId,
    hash: ContentHash,
    size: u64,
    state: Mutex<State>,
    _room: ReservedRoom,
}

#[derive(Default)]
struct State {
    /// The received bytes, until they are stored as an object.
    upload: Option<Box<dyn FinishedUpload>>,
    /// The object that has the received bytes.
    own: Option<StoredContent>,
    /// The object that a content names although it is missing or altered.
    damaged: Option<(ContentKey, ContentDamage)>,
    /// Whether the object of the received bytes was chosen last.
    is_own_chosen: bool,
}

impl ReceivedFile {
    /// Receives a file. It counts among those of the account that no claim has, unless `is_linked`.
    ///
    /// # Errors
    /// The error response. Nothing of the file remains then.
    pub(crate) async fn receive(
        app: &App,
        request: &ApiRequest,
        services: Arc<AttachmentServices>,
        source: &mut dyn ByteSource,
        is_linked: bool,
    ) -> Result<Self, Problem> {
        let mut room = ReservedRoom::begin(app, request, &services.limits, &services.received, is_linked).await?;
        room.reserve(source.announced())?;
        let mut upload = Self::begin(app, request, &services).await?;
        let mut received = 0;
        while let Some(piece) = source.next().await? {
            received += piece.len() as u64;
            if received > services.limits.max_bytes {
                return Err(Problem::payload_too_large(services.limits.max_bytes));
            }
            room.reserve(received)?;
            upload.write(piece).await.map_err(content_problem)?;
        }
        Self::finish(request, services, room, upload).await
    }

    async fn begin(
        app: &App,
        request: &ApiRequest,
        services: &AttachmentServices,
    ) -> Result<Box<dyn ContentUpload>, Problem> {
        let id = app.services.entropy.ulid(app.services.clock.now());
        services.store.begin_upload(request.principal()?.organization(), id).await.map_err(content_problem)
    }

    async fn finish(
        request: &ApiRequest,
        services: Arc<AttachmentServices>,
        room: ReservedRoom,
        upload: Box<dyn ContentUpload>,
    ) -> Result<Self, Problem> {
        let upload = upload.finish().await.map_err(content_problem)?;
        let (hash, size) = (upload.hash(), upload.size());
        let state = Mutex::new(State { upload: Some(upload), ..State::default() });
        let organization = request.principal()?.organization();
        Ok(Self { services, organization, hash, size, state, _room: room })
    }

    /// The hash of the bytes.
    pub(crate) fn hash(&self) -> ContentHash {
        self.hash
    }

    /// The number of bytes.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Waits for the turn of this file among those with the same bytes, before its bytes are stored.
    pub(crate) async fn lock(&self) -> OwnedMutexGuard<()> {
        self.services.locks.lock(self.organization, self.hash).await
    }

    /// Returns the record of the bytes with the same hash, if there is one.
    pub(crate) async fn content(&self, app: &App) -> Result<Option<Stored<EvidenceContent>>, Problem> {
        find_content(app, self.organization, &self.hash.to_string()).await
    }

    /// Stores the bytes, unless they are stored already. This comes before the write that refers to them, so that no write
    /// is in flight for as long as the object store takes.
    ///
    /// An object that is to be used instead of the received bytes is read and verified first: now is the time at which it
    /// can be replaced. That takes no more than the request has sent.
    pub(crate) async fn ensure_stored(&self, app: &App) -> Result<(), Problem> {
        let content = self.content(app).await?;
        let mut state = self.state.lock().await;
        if let Some(object) = content.and_then(|content| content.record.object()) {
            if let Err(error) = self.services.verifier.verify(&object).await {
                let Some(damage) = error.damage() else { return Err(content_problem(error)) };
                tracing::error!(%error, "the bytes of an attachment are missing or were altered; an upload of the same bytes replaces them");
                state.damaged = Some((object.key, damage));
            } else {
                return Ok(());
            }
        }
        self.store(app, &mut state).await.map(drop)
    }

    /// Chooses the object that the attachment has: that of the content, or that of the received bytes.
    pub(crate) async fn choose(&self, app: &App, content: Option<&EvidenceContent>) -> Result<StoredContent, Problem> {
        let mut state = self.state.lock().await;
        let is_damaged = |object: &StoredContent| state.damaged.is_some_and(|(key, _)| key == object.key);
        let other = content.and_then(EvidenceContent::object).filter(|object| !is_damaged(object));
        state.is_own_chosen = other.is_none();
        match other {
            Some(object) => Ok(object),
            None => self.store(app, &mut state).await,
        }
    }

    /// Records in the changeset that adds the attachment that its object replaces a damaged one, if it does. `content` is
    /// the record of the bytes, and `object` what was chosen for it.
    pub(crate) async fn record_replacement(
        &self,
        context: &WriteContext<'_>,
        changeset: &mut Changeset,
        content: Option<&Stored<EvidenceContent>>,
        object: &StoredContent,
    ) {
        let Some((damaged, damage)) = self.state.lock().await.damaged else { return };
        if let Some(content) = content.filter(|content| content.record.object().is_some_and(|old| old.key == damaged)) {
            record_replacement(context, changeset, object, content, damage);
        }
    }

    async fn store(&self, app: &App, state: &mut State) -> Result<StoredContent, Problem> {
        if let Some(own) = &state.own {
            return Ok(own.clone());
        }
        let upload = state.upload.take().ok_or_else(Problem::internal)?;
        let generation = app.services.entropy.ulid(app.services.clock.now());
        let own = upload.store(generation).await.map_err(content_problem)?;
        Ok(state.own.insert(own).clone())
    }

    /// Discards what no attachment has after the write that refers to the file.
    pub(crate) async fn settle(self, app: &App, outcome: WriteOutcome) {
        let State { upload, own, is_own_chosen, .. } = self.state.into_inner();
        if let Some(upload) = upload {
            upload.discard().await;
        }
        let Some(own) = own else { return };
        let may_be_named = match outcome {
            WriteOutcome::Stored => is_own_chosen,
            // The response may be that of this write itself, whose outcome was lost.
            WriteOutcome::Replayed => match find_content(app, self.organization, &self.hash.to_string()).await {
                Ok(content) => content.and_then(|content| content.record.object()).as_ref() == Some(&own),
                Err(_) => true,
            },
            WriteOutcome::Refused => false,
            WriteOutcome::Unknown => true,
        };
        if !may_be_named && let Err(error) = self.services.store.remove(&ObjectName::Content(own.key)).await {
            tracing::warn!(%error, "the bytes of an upload that no attachment has could not be removed; the sweep removes them later");
        }
    }
}

/// Returns the record of the bytes with this hash, if the organization has any.
pub(crate) async fn find_content(
    app: &App,
    organization: OrganizationId,
    sha256: &str,
) -> Result<Option<Stored<EvidenceContent>>, Problem> {
    let found = Reader::<EvidenceContent>::get_by_keys(&*app.services.store, organization, &[sha256]).await?;
    Ok(found.into_iter().next())
}
