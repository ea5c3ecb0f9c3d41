//! The files in the body of a claim, in base64. Their bytes are stored before the claim is made.

use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use bytes::Bytes;
use evidence::{ClaimFiles, ContentType, FileName};
use http_api::{
    App,
    handlers::WriteOutcome,
    request::{ApiRequest, BodyReader, FieldReader, read_string, text},
    response::Problem,
};
use kernel::{Changeset, WriteContext};
use serde_json::{Value, json};

use crate::{attachment_services::AttachmentServices, sent_files::SentFiles};

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

/// The files in the body of one request. They have no bytes in the store before they are stored.
#[derive(Default)]
pub(super) struct InlineFiles {
    files: Mutex<Vec<InlineFile>>,
    sent: tokio::sync::Mutex<Option<SentFiles>>,
}

impl InlineFiles {
    pub(super) fn set(&self, files: Vec<InlineFile>) {
        *self.lock() = files;
    }

    fn lock(&self) -> MutexGuard<'_, Vec<InlineFile>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Stores the bytes of all files.
    ///
    /// # Errors
    /// The error response. What was stored before is left to [`Self::settle`].
    pub(super) async fn store(&self, app: &App, request: &ApiRequest) -> Result<(), Problem> {
        let files = self.lock().clone();
        let mut sent = self.sent.lock().await;
        let sent = sent.insert(SentFiles::new(AttachmentServices::of(request)?));
        for InlineFile { file_name, content_type, bytes } in files {
            sent.add(app, request, (file_name, content_type), bytes).await?;
        }
        sent.store(app).await
    }

    /// Chooses the object of each file.
    ///
    /// # Errors
    /// The error response.
    pub(super) async fn choose(&self, app: &App) -> Result<ClaimFiles, Problem> {
        match &*self.sent.lock().await {
            Some(sent) => sent.choose(app).await,
            None => Err(Problem::internal()),
        }
    }

    /// Completes the changeset that adds the attachments.
    ///
    /// # Errors
    /// The error response if they may not be stored.
    pub(super) async fn complete(
        &self,
        app: &App,
        request: &ApiRequest,
        context: &WriteContext<'_>,
        changeset: &mut Changeset,
        chosen: &ClaimFiles,
    ) -> Result<(), Problem> {
        match &*self.sent.lock().await {
            Some(sent) => sent.complete(app, request, context, changeset, chosen).await,
            None => Err(Problem::internal()),
        }
    }

    /// Discards what no attachment has after the write.
    pub(super) async fn settle(&self, app: &App, outcome: WriteOutcome) {
        if let Some(sent) = self.sent.lock().await.take() {
            sent.settle(app, outcome).await;
        }
    }
}
