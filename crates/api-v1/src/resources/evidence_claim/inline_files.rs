//! The files in the body of a claim, in base64. Their bytes are stored before the claim is made.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use evidence::{ContentHash, ContentType, EvidenceContent, FileName, NewAttachment, StoredContent};
use http_api::{
    App,
    request::{ApiRequest, BodyReader, FieldReader, read_string, text},
    response::Problem,
};
use kernel::{Changeset, Stored, WriteContext};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::sync::OwnedMutexGuard;

use crate::received_file::{ReceivedFile, WriteOutcome};

/// The media type of a file that states none.
const UNKNOWN_TYPE: &str = "application/octet-stream";

/// A file in the body of a request.
#[derive(Clone)]
pub(super) struct InlineFile {
    file_name: FileName,
    content_type: ContentType,
    bytes: Bytes,
}

impl InlineFile {
    pub(super) fn read(object: &mut BodyReader<'_>) -> Option<Self> {
        let file_name = object.required("fileName", text());
        let content_type = object.optional("contentType", text());
        let bytes = object.required("contentBase64", Base64Reader);
        Some(Self {
            file_name: file_name?,
            content_type: content_type.unwrap_or_else(|| ContentType::trusted(UNKNOWN_TYPE)),
            bytes: bytes?,
        })
    }

    fn hash(&self) -> ContentHash {
        ContentHash(Sha256::digest(&self.bytes).into())
    }
}

/// The regular expression (ECMA-262) of base64 with padding.
const PATTERN: &str = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$";

/// A reader of bytes in base64.
struct Base64Reader;

impl FieldReader for Base64Reader {
    type Output = Bytes;

    fn read(&self, value: &Value) -> Result<Bytes, String> {
        match BASE64.decode(read_string(value)?) {
            Ok(bytes) if bytes.is_empty() => Err("the file is empty".to_owned()),
            Ok(bytes) => Ok(bytes.into()),
            Err(_) => {
                Err("must be base64 with the standard alphabet and padding (RFC 4648, section 4), on one line"
                    .to_owned())
            }
        }
    }

    fn schema(&self) -> Value {
        json!({ "type": "string", "minLength": 4, "pattern": PATTERN, "description": "The bytes of the file in base64." })
    }
}

/// A file with its turn among those with the same bytes.
struct PlacedFile {
    file: ReceivedFile,
    _turn: OwnedMutexGuard<()>,
}

/// The files of one request, from their bytes to the objects that the attachments have.
#[derive(Default)]
pub(super) struct InlineFiles {
    files: Mutex<Vec<InlineFile>>,
    /// The bytes that are stored, once for files that are equal.
    received: tokio::sync::Mutex<BTreeMap<ContentHash, PlacedFile>>,
}

impl InlineFiles {
    pub(super) fn set(&self, files: Vec<InlineFile>) {
        *self.files.lock().unwrap_or_else(PoisonError::into_inner) = files;
    }

    fn files(&self) -> Vec<InlineFile> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.files().is_empty()
    }

    /// Stores the bytes of all files.
    ///
    /// # Errors
    /// The error response. What was stored before is left to [`Self::settle`].
    pub(super) async fn store(&self, app: &App, request: &ApiRequest) -> Result<(), Problem> {
        let mut received = self.received.lock().await;
        // Every request waits for the turns of its files in the same order, so that no two wait for each other.
        let unique: BTreeMap<ContentHash, Bytes> =
            self.files().into_iter().map(|file| (file.hash(), file.bytes)).collect();
        for (hash, bytes) in unique {
            let file = ReceivedFile::from_bytes(app, request, bytes).await?;
            let turn = file.lock().await;
            received.entry(hash).or_insert(PlacedFile { file, _turn: turn }).file.ensure_stored(app).await?;
        }
        Ok(())
    }

    /// Chooses the object of each file. Returns it with the record of the bytes with its hash, if there is one.
    ///
    /// # Errors
    /// The error response.
    pub(super) async fn choose(
        &self,
        app: &App,
    ) -> Result<Vec<(NewAttachment, Option<Stored<EvidenceContent>>)>, Problem> {
        let received = self.received.lock().await;
        let mut chosen: BTreeMap<ContentHash, (StoredContent, Option<Stored<EvidenceContent>>)> = BTreeMap::new();
        for (hash, PlacedFile { file, .. }) in &*received {
            let content = file.content(app).await?;
            let object = file.choose(app, content.as_ref().map(|content| &content.record)).await?;
            chosen.insert(*hash, (object, content));
        }
        let files = self.files();
        let attachment = |file: &InlineFile| {
            let (content, before) = chosen.get(&file.hash()).cloned().ok_or_else(Problem::internal)?;
            let InlineFile { file_name, content_type, .. } = file.clone();
            Ok((NewAttachment { file_name, content_type, content }, before))
        };
        files.iter().map(attachment).collect()
    }

    /// Records which of the chosen objects replace damaged ones.
    pub(super) async fn record_replacements(
        &self,
        context: &WriteContext<'_>,
        changeset: &mut Changeset,
        chosen: &[(NewAttachment, Option<Stored<EvidenceContent>>)],
    ) {
        let chosen: BTreeMap<_, _> =
            chosen.iter().map(|(new, before)| (new.content.key.hash, (&new.content, before))).collect();
        for (hash, PlacedFile { file, .. }) in &*self.received.lock().await {
            if let Some((object, before)) = chosen.get(hash) {
                file.record_replacement(context, changeset, before.as_ref(), object).await;
            }
        }
    }

    /// Discards what no attachment has after the write.
    pub(super) async fn settle(&self, app: &App, outcome: WriteOutcome) {
        for placed in std::mem::take(&mut *self.received.lock().await).into_values() {
            placed.file.settle(app, outcome).await;
        }
    }
}
