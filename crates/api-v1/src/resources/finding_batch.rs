//! The batch endpoint of findings, for a scanner that pushes its results after each run.

use async_trait::async_trait;
use auth::Caller;
use axum::http::StatusCode;
use findings::{BatchOutcome, Finding, NewFinding, OnConflict, write_batch};
use futures_util::future::BoxFuture;
use http_api::{
    App,
    endpoints::{Document, Media},
    handlers::{Command, execute},
    request::{ApiRequest, BodyReader, ItemDecoder, ItemsReader, enum_reader, read_string},
    response::{ApiResponse, AsText, Problem, shorten},
};
use kernel::{Changeset, Description, Id, OrganizationId, Reader, Reason, Stored, WriteContext, WriteTimestamp};
use serde::Serialize;
use serde_json::{Value, json};

use super::finding::{PayloadRenderer, read_new};

/// The maximum length of the key of a finding, in characters.
const MAX_KEY_LENGTH: usize = 200;

/// The maximum number of findings per request.
const MAX_ITEMS: usize = 500;

/// The maximum size of the texts of existing findings that one request may update. A small request could otherwise write
/// an event with a large text for each of its items.
const MAX_EXISTING_BYTES: usize = 2 * 1024 * 1024;

/// The number of existing findings that are read at a time.
const KEYS_PER_READ: usize = 25;

/// The command of `POST /governance/findings/batch`.
pub(crate) struct WriteFindingBatch {
    /// Each finding, or its failed result, in the order of the request.
    items: Vec<Result<NewFinding, Value>>,
    on_conflict: OnConflict,
    reason: Reason,
}

/// The result of one item.
#[derive(Serialize)]
#[serde(untagged)]
enum ItemResult<'a> {
    Failed(&'a Value),
    Written(Option<WrittenItem<'a>>),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WrittenItem<'a> {
    result: &'static str,
    finding_key: &'a str,
    id: AsText<Id<Finding>>,
}

fn on_conflict_name(on_conflict: OnConflict) -> &'static str {
    match on_conflict {
        OnConflict::Skip => "skip",
        OnConflict::Update => "update",
    }
}

/// Returns the result of an item that is invalid. A key that is too long for a finding is not repeated in full.
fn failed_item(item: &Value, problem: Problem) -> Value {
    let key = item.get("findingKey").and_then(|key| read_string(key).ok());
    let key = key.map(|key| shorten(key, MAX_KEY_LENGTH));
    json!({ "result": "failed", "findingKey": key, "error": problem.into_item() })
}

impl WriteFindingBatch {
    fn read(object: &mut BodyReader<'_>) -> Option<Self> {
        let items =
            object.required("findings", ItemsReader { max: MAX_ITEMS, schema: || BodyReader::describe(read_new) });
        let on_conflict =
            object.optional("onConflict", enum_reader(&[OnConflict::Skip, OnConflict::Update], on_conflict_name));
        let reason = object.reason();
        let mut decoder = ItemDecoder::default();
        let items = items?
            .iter()
            .map(|item| decoder.read(item, read_new).map_err(|problem| failed_item(item, problem)))
            .collect();
        Some(Self { items, on_conflict: on_conflict.unwrap_or_default(), reason: reason? })
    }

    /// Loads the findings that have these keys. Those that are to be skipped are returned without their descriptions.
    async fn load_existing(
        &self,
        app: &App,
        request: &ApiRequest,
        organization: OrganizationId,
        keys: &[&str],
    ) -> Result<Vec<Stored<Finding>>, Problem> {
        let mut existing: Vec<Stored<Finding>> = Vec::new();
        let mut bytes = 0;
        for keys in keys.chunks(KEYS_PER_READ) {
            let found = Reader::<Finding>::get_by_keys(&*app.services.store, organization, keys).await?;
            for mut finding in found {
                if self.on_conflict == OnConflict::Skip {
                    finding.record.description = Description::default();
                }
                bytes += finding.record.title.as_str().len() + finding.record.description.as_str().len();
                existing.push(finding);
            }
            if bytes > MAX_EXISTING_BYTES {
                return Err(Problem::too_much_to_update(MAX_EXISTING_BYTES));
            }
            request.ensure_memory_of(bytes)?;
        }
        Ok(existing)
    }
}

#[async_trait]
impl Command for WriteFindingBatch {
    type Output = Vec<BatchOutcome>;

    fn reason(&self) -> &Reason {
        &self.reason
    }

    async fn decide(
        &self,
        app: &App,
        request: &ApiRequest,
        _: &Caller,
        context: &WriteContext<'_>,
        timestamp: WriteTimestamp,
    ) -> Result<(Changeset, Vec<BatchOutcome>), Problem> {
        let valid: Vec<NewFinding> = self.items.iter().flatten().cloned().collect();
        let keys: Vec<&str> = valid.iter().map(|finding| finding.key.as_str()).collect();
        let existing = self.load_existing(app, request, context.organization.id, &keys).await?;
        Ok(write_batch(context, &PayloadRenderer, timestamp, valid, existing, self.on_conflict))
    }

    fn response(&self, output: &Vec<BatchOutcome>) -> ApiResponse {
        let mut outcomes = output.iter();
        let results: Vec<ItemResult<'_>> = self
            .items
            .iter()
            .map(|item| match item {
                Err(failed) => ItemResult::Failed(failed),
                Ok(finding) => ItemResult::Written(outcomes.next().map(|outcome| {
                    let (result, id) = match outcome {
                        BatchOutcome::Created(id) => ("created", id),
                        BatchOutcome::Updated(id) => ("updated", id),
                        BatchOutcome::Unchanged(id) => ("unchanged", id),
                        BatchOutcome::Skipped(id) => ("skipped", id),
                    };
                    WrittenItem { result, finding_key: finding.key.as_str(), id: AsText(*id) }
                })),
            })
            .collect();
        ApiResponse::record(StatusCode::OK, "results", &results)
    }
}

pub(crate) fn post<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move { execute(app, request, WriteFindingBatch::read).await })
}

pub(crate) fn document() -> Document {
    let item = json!({
        "type": "object",
        "required": ["result", "findingKey"],
        "properties": {
            "result": { "type": "string", "enum": ["created", "updated", "unchanged", "skipped", "failed"] },
            "findingKey": { "description": "The key as it was sent, without what exceeds 200 characters; null if it is not a valid string.", "type": ["string", "null"] },
            "id": { "type": "string", "description": "The identifier of the finding; absent if the item failed." },
            "error": { "$ref": "#/components/schemas/ItemError" },
        },
    });
    Document {
        query: Vec::new(),
        request: Some(Media {
            schema: BodyReader::describe(WriteFindingBatch::read),
            example: json!({
                "reason": "Nightly semgrep run 4711",
                "onConflict": "update",
                "findings": [{
                    "findingKey": "java.sqli:src/Login.java:42",
                    "title": "SQL built from user input",
                    "severity": "high",
                    "sourceKind": "module_signal",
                    "sourceModuleKey": "semgrep",
                }],
            }),
        }),
        status: 200,
        response: Media {
            schema: json!({
                "type": "object",
                "required": ["results"],
                "properties": { "results": { "type": "array", "items": item } },
            }),
            example: json!({ "results": [
                { "result": "created", "findingKey": "java.sqli:src/Login.java:42", "id": "find_01KSFQX5Y800000000000000003" },
            ] }),
        },
        line: None,
        errors: &[400, 409, 413, 415, 422],
        codes: &[],
        response_headers: &["Idempotent-Replayed"],
    }
}
