//! The audit log of the organization as a transparency log: its signed head, proofs, and the tiles of its tree.

use std::sync::Arc;

use audit::{Tile, hash_line};
use audit_store::{PublicationError, PublishedLog};
use axum::http::{StatusCode, header};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_api::{
    App,
    endpoints::{Document, Media},
    request::{ApiRequest, Query},
    response::{ApiResponse, Issue, Problem},
};
use kernel::{Entry, Subject};
use serde_json::json;

use super::audit_entry::store_problem;
use crate::services::ApiServices;

/// The media type of notes and proofs.
const TEXT: &str = "text/plain; charset=utf-8";

/// The caching rule of full tiles, which never change.
const IMMUTABLE: &str = "private, max-age=31536000, immutable";

/// The number of nodes of a full tile.
const FULL_WIDTH: u64 = 256;

/// The maximum size of a tree in a query: the largest integer that every reader of JSON takes exactly.
const MAX_SIZE: u64 = (1 << 53) - 1;

/// The `Retry-After` of what exists a second later, in seconds.
const RETRY_AFTER: &str = "1";

pub(crate) fn get_proof<'a>(_: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        Query::parse(request.query()).finish()?;
        let id = request.path_id::<Entry>()?;
        let proof = logs(request)?.entry_proof(request.principal()?.organization(), id).await.map_err(problem)?;
        Ok(text(proof.to_string()).with_subject(Subject { kind: "audit_entry".into(), id: id.to_string() }))
    })
}

pub(crate) fn get_checkpoint<'a>(_: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let mut query = Query::parse(request.query());
        let is_cosigned = cosigned(&mut query);
        query.finish()?;
        let logs = logs(request)?;
        let note = match is_cosigned {
            Some(true) => logs.cosigned_head().await,
            _ => logs.head(request.principal()?.organization()).await,
        };
        let (_, note) = note.map_err(problem)?;
        Ok(text(note.to_string()))
    })
}

pub(crate) fn get_consistency<'a>(_: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let mut query = Query::parse(request.query());
        let sizes = sizes(&mut query);
        query.finish()?;
        let (Some(from), Some(to)) = sizes else { return Err(Problem::internal()) };
        if from > to {
            let issue = Issue::new(["query", "from"], "must not be greater than `to`");
            return Err(Problem::validation(vec![issue]));
        }
        let proof = logs(request)?.consistency_proof(request.principal()?.organization(), from, to).await;
        let lines: String = proof.map_err(problem)?.into_iter().map(|hash| hash_line(hash) + "\n").collect();
        Ok(text(lines))
    })
}

pub(crate) fn get_tile<'a>(_: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        Query::parse(request.query()).finish()?;
        let path = format!("{}/{}", request.path_text_at(0), request.path_text_at(1));
        let tile: Tile = path.parse().map_err(|_| Problem::not_found())?;
        let bytes = logs(request)?.tile(request.principal()?.organization(), &tile).await.map_err(problem)?;
        let bytes = Bytes::from(bytes.ok_or_else(Problem::not_found)?);
        let response = ApiResponse::document(StatusCode::OK, "application/octet-stream", bytes);
        let response = response.with_subject(Subject { kind: "audit_tile".into(), id: path });
        Ok(if tile.width == FULL_WIDTH { response.header(header::CACHE_CONTROL, IMMUTABLE) } else { response })
    })
}

fn logs(request: &ApiRequest) -> Result<Arc<PublishedLog>, Problem> {
    Ok(Arc::clone(&request.state::<ApiServices>()?.audit_log))
}

/// Reads whether the note of witnesses is asked for.
fn cosigned(query: &mut Query<'_>) -> Option<bool> {
    query.optional(
        "cosigned",
        "`true` for the newest head that witnesses have cosigned, with their signatures: one of the log of the installation, which \
         names the heads of the logs of all organizations.",
        || json!({ "type": "boolean", "default": false }),
        |text| match text {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err("must be `true` or `false`"),
        },
    )
}

/// Reads the sizes of the two trees of a proof of consistency.
fn sizes(query: &mut Query<'_>) -> (Option<u64>, Option<u64>) {
    let schema = || json!({ "type": "integer", "minimum": 0, "maximum": MAX_SIZE });
    let read = |text: &str| match text.parse() {
        Ok(size) if size <= MAX_SIZE => Ok(size),
        _ => Err("must be a number of entries from 0 to 9007199254740991"),
    };
    (
        query.required("from", "The number of entries of the earlier head.", schema, read),
        query.required("to", "The number of entries of the later head.", schema, read),
    )
}

fn text(body: String) -> ApiResponse {
    ApiResponse::document(StatusCode::OK, TEXT, Bytes::from(body))
}

/// Returns the error response. What is not published yet is not found, with the time after which it is.
fn problem(error: PublicationError) -> Problem {
    match error {
        PublicationError::Store(error) => store_problem(error),
        PublicationError::NoEntry => Problem::not_found(),
        PublicationError::NotSealed | PublicationError::Empty | PublicationError::NotSigned => {
            Problem::not_found_because(error.to_string()).header(header::RETRY_AFTER, RETRY_AFTER)
        }
        // Nodes are missing where entries were removed.
        PublicationError::NotCosigned
        | PublicationError::EntryNotCosigned
        | PublicationError::NoTree
        | PublicationError::Beyond { .. }
        | PublicationError::NoProof(_) => Problem::not_found_because(error.to_string()),
    }
}

const EXAMPLE_NOTE: &str = "audit.example.com/org_01KSFQX5Y800000000000000001\n70000\n4Y613+1eubLdbBS4I5vSEhMtqCtfbc7/PTnMu9tCSpc=\n\n— audit.example.com/org_01KSFQX5Y800000000000000001 WyDw1rMr7Px8o7x/V2w0oM3o6p3uWw5r7zS0m0kqEo8V9b0c9mCkq3x2h6Vd4m9m5u0p4o0zF3r1y8kq0Zl2uRk=\n";

pub(crate) fn proof_document() -> Document {
    let example =
        format!("c2sp.org/tlog-proof@v1\nindex 4710\n4Y613+1eubLdbBS4I5vSEhMtqCtfbc7/PTnMu9tCSpc=\n\n{EXAMPLE_NOTE}");
    document(&example, "A proof in the format `tlog-proof` of C2SP.", &[404])
}

pub(crate) fn checkpoint_document() -> Document {
    let query = Query::describe(cosigned);
    Document { query, ..document(EXAMPLE_NOTE, "A signed note in the format `tlog-checkpoint` of C2SP.", &[404]) }
}

pub(crate) fn consistency_document() -> Document {
    let example = "4Y613+1eubLdbBS4I5vSEhMtqCtfbc7/PTnMu9tCSpc=\n";
    let query = Query::describe(sizes);
    Document { query, ..document(example, "The hashes of the proof in base64, one a line.", &[404]) }
}

pub(crate) fn tile_document() -> Document {
    let response = Media::bytes("The hashes of the nodes, 32 bytes each.", "32 bytes for each node");
    Document { response, ..document("", "", &[404]) }
}

fn document(example: &str, description: &str, errors: &'static [u16]) -> Document {
    Document {
        query: Vec::new(),
        request: None,
        status: 200,
        response: Media { schema: json!({ "type": "string", "description": description }), example: json!(example) },
        line: None,
        errors,
        codes: &[],
        response_headers: &[],
    }
}
