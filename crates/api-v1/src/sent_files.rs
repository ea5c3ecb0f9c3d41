//! The files that a request sends along with a claim, from their bytes to the objects that the attachments have.

use std::{
    collections::{BTreeMap, btree_map::Entry},
    sync::Arc,
};

use bytes::Bytes;
use evidence::{ClaimFiles, ContentHash, ContentType, EvidenceContent, FileName, NewAttachment, StoredContent};
use http_api::{
    App,
    handlers::WriteOutcome,
    request::{ApiRequest, ByteSource},
    response::Problem,
};
use kernel::{Changeset, Stored, WriteContext};
use sha2::{Digest as _, Sha256};
use tokio::sync::OwnedMutexGuard;

use crate::{attachment_limits::check_limits, attachment_services::AttachmentServices, received_file::ReceivedFile};

/// A file in the order of the request.
struct SentFile {
    file_name: FileName,
    content_type: ContentType,
    hash: ContentHash,
}

/// The files that one request sends along with a claim. Their bytes are received and stored before the claim is made.
pub struct SentFiles {
    services: Arc<AttachmentServices>,
    files: Vec<SentFile>,
    /// The bytes, once for files that are equal.
    received: BTreeMap<ContentHash, ReceivedFile>,
    /// The turns of the files among those with the same bytes.
    turns: Vec<OwnedMutexGuard<()>>,
}

impl SentFiles {
    /// Creates the files of a request that has sent none yet.
    #[must_use]
    pub fn new(services: Arc<AttachmentServices>) -> Self {
        Self { services, files: Vec::new(), received: BTreeMap::new(), turns: Vec::new() }
    }

    /// Receives a file bit by bit. While they arrive, the files of an account, or of a person, have no more bytes together
    /// than an account may have without a claim.
    ///
    /// # Errors
    /// A 413 response if the file is larger than an attachment may be, a 429 or 507 response if its holders may not store
    /// as much, and those of the source. Nothing of the file remains then.
    pub async fn receive(
        &mut self,
        app: &App,
        request: &ApiRequest,
        (file_name, content_type): (FileName, ContentType),
        source: &mut dyn ByteSource,
    ) -> Result<(), Problem> {
        let file = ReceivedFile::receive(app, request, Arc::clone(&self.services), source, false).await?;
        let hash = file.hash();
        self.files.push(SentFile { file_name, content_type, hash });
        match self.received.entry(hash) {
            Entry::Vacant(entry) => drop(entry.insert(file)),
            Entry::Occupied(_) => file.settle(app, WriteOutcome::Refused).await,
        }
        Ok(())
    }

    /// Adds a file whose bytes are in memory.
    ///
    /// # Errors
    /// The error response. Nothing of the file remains then.
    pub(crate) async fn add(
        &mut self,
        app: &App,
        request: &ApiRequest,
        (file_name, content_type): (FileName, ContentType),
        bytes: Bytes,
    ) -> Result<(), Problem> {
        let hash = ContentHash(Sha256::digest(&bytes).into());
        if let Entry::Vacant(entry) = self.received.entry(hash) {
            let services = Arc::clone(&self.services);
            entry.insert(ReceivedFile::receive(app, request, services, &mut Some(bytes), true).await?);
        }
        self.files.push(SentFile { file_name, content_type, hash });
        Ok(())
    }

    /// Stores the bytes of all files.
    ///
    /// # Errors
    /// The error response. What was stored before is left to [`Self::settle`].
    pub async fn store(&mut self, app: &App) -> Result<(), Problem> {
        // Every request waits for the turns of its files in the same order, so that no two wait for each other.
        for file in self.received.values() {
            self.turns.push(file.lock().await);
            file.ensure_stored(app).await?;
        }
        Ok(())
    }

    /// Chooses the object of each file, with the record of the bytes with its hash, if there is one.
    ///
    /// # Errors
    /// The error response.
    pub async fn choose(&self, app: &App) -> Result<ClaimFiles, Problem> {
        let mut chosen: BTreeMap<ContentHash, (StoredContent, Option<Stored<EvidenceContent>>)> = BTreeMap::new();
        for (hash, file) in &self.received {
            let content = file.content(app).await?;
            let object = file.choose(app, content.as_ref().map(|content| &content.record)).await?;
            chosen.insert(*hash, (object, content));
        }
        let attachment = |file: &SentFile| {
            let (content, before) = chosen.get(&file.hash).cloned().ok_or_else(Problem::internal)?;
            let SentFile { file_name, content_type, .. } = file;
            Ok((NewAttachment { file_name: file_name.clone(), content_type: content_type.clone(), content }, before))
        };
        Ok(ClaimFiles::New(self.files.iter().map(attachment).collect::<Result<_, Problem>>()?))
    }

    /// Completes the changeset that adds the attachments: it records which of the chosen objects replace damaged ones, and
    /// has the commit check what its holders may store.
    ///
    /// # Errors
    /// A 429 or 507 response if they may not store as much.
    pub async fn complete(
        &self,
        app: &App,
        request: &ApiRequest,
        context: &WriteContext<'_>,
        changeset: &mut Changeset,
        chosen: &ClaimFiles,
    ) -> Result<(), Problem> {
        if let ClaimFiles::New(chosen) = chosen {
            let chosen: BTreeMap<_, _> =
                chosen.iter().map(|(new, before)| (new.content.key.hash, (&new.content, before))).collect();
            for (hash, file) in &self.received {
                if let Some((object, before)) = chosen.get(hash) {
                    file.record_replacement(context, changeset, before.as_ref(), object).await;
                }
            }
        }
        check_limits(app, request, &self.services.limits, changeset).await
    }

    /// Discards what no attachment has after the write.
    pub async fn settle(self, app: &App, outcome: WriteOutcome) {
        for file in self.received.into_values() {
            file.settle(app, outcome).await;
        }
    }
}
