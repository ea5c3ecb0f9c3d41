//! The batch endpoint of findings, for a scanner that pushes its results after each run.

use async_trait::async_trait;
use auth::Caller;
use axum::http::StatusCode;
use findings::{BatchOutcome, Finding, NewFinding, OnConflict, WriteContext, write_batch};
use futures_util::future::BoxFuture;
use kernel::{Changeset, Id, Reader, Reason, Stored, WriteTimestamp};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{
    app::App,
    body::{self, Items, Object, word},
    call::Call,
    operation::{Document, Media},
    problem::{Issue, Problem},
    reply::Reply,
    resources::finding::read_new,
    view::Shown,
    write::{Command, carry_out},
};

/// The maximum number of findings per request.
const MOST: usize = 500;

/// The command of `POST /governance/findings/batch`.
pub(crate) struct Batch {
    /// Each finding, or its failed result, in the order of the request.
    items: Vec<Result<NewFinding, Value>>,
    on_conflict: OnConflict,
    reason: Reason,
}

/// The result of one item.
#[derive(Serialize)]
#[serde(untagged)]
enum Outcome<'a> {
    Failed(&'a Value),
    Decided(Option<Decided<'a>>),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Decided<'a> {
    result: &'static str,
    finding_key: &'a str,
    id: Shown<Id<Finding>>,
}

fn on_conflict_name(on_conflict: OnConflict) -> &'static str {
    match on_conflict {
        OnConflict::Skip => "skip",
        OnConflict::Update => "update",
    }
}

/// Returns the result of an item that is invalid.
fn failed(item: &Value, issues: Vec<Issue>) -> Value {
    let key = item.get("findingKey").filter(|key| key.is_string());
    json!({ "result": "failed", "findingKey": key, "error": Problem::validation(issues).into_item() })
}

impl Batch {
    fn read(object: &mut Object<'_>) -> Option<Self> {
        let items = object.required("findings", Items { most: MOST, schema: || Object::describe(read_new) });
        let on_conflict =
            object.optional("onConflict", word(&[OnConflict::Skip, OnConflict::Update], on_conflict_name));
        let reason = object.reason();
        let items = items?
            .iter()
            .map(|item| body::read_object(item, read_new).map_err(|issues| failed(item, issues)))
            .collect();
        Some(Self { items, on_conflict: on_conflict.unwrap_or_default(), reason: reason? })
    }
}

#[async_trait]
impl Command for Batch {
    type Done = Vec<BatchOutcome>;

    fn reason(&self) -> &Reason {
        &self.reason
    }

    async fn decide(
        &self,
        app: &App,
        _: &Call,
        _: &Caller,
        context: &WriteContext<'_>,
        timestamp: WriteTimestamp,
    ) -> Result<(Changeset, Vec<BatchOutcome>), Problem> {
        let valid: Vec<NewFinding> = self.items.iter().flatten().cloned().collect();
        let keys: Vec<&str> = valid.iter().map(|finding| finding.key.as_str()).collect();
        let existing: Vec<Stored<Finding>> =
            Reader::<Finding>::get_by_keys(&*app.services.store, context.organization.id, &keys).await?;
        Ok(write_batch(context, timestamp, valid, existing, self.on_conflict))
    }

    fn answer(&self, output: &Vec<BatchOutcome>) -> Reply {
        let mut outcomes = output.iter();
        let results: Vec<Outcome<'_>> = self
            .items
            .iter()
            .map(|item| match item {
                Err(failed) => Outcome::Failed(failed),
                Ok(finding) => Outcome::Decided(outcomes.next().map(|outcome| {
                    let (result, id) = match outcome {
                        BatchOutcome::Created(id) => ("created", id),
                        BatchOutcome::Updated(id) => ("updated", id),
                        BatchOutcome::Unchanged(id) => ("unchanged", id),
                        BatchOutcome::Skipped(id) => ("skipped", id),
                    };
                    Decided { result, finding_key: finding.key.as_str(), id: Shown(*id) }
                })),
            })
            .collect();
        Reply::record(StatusCode::OK, "results", &results)
    }
}

pub(crate) fn post<'a>(app: &'a App, request: &'a Call) -> BoxFuture<'a, Result<Reply, Problem>> {
    Box::pin(async move { carry_out(app, request, Batch::read).await })
}

pub(crate) fn document() -> Document {
    let item = json!({
        "type": "object",
        "required": ["result", "findingKey"],
        "properties": {
            "result": { "type": "string", "enum": ["created", "updated", "unchanged", "skipped", "failed"] },
            "findingKey": { "description": "The key as it was sent; null if it is not a string.", "type": ["string", "null"] },
            "id": { "type": "string", "description": "The identifier of the finding; absent if the item failed." },
            "error": { "$ref": "#/components/schemas/ItemError" },
        },
    });
    Document {
        query: Vec::new(),
        request: Some(Media {
            schema: Object::describe(Batch::read),
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
