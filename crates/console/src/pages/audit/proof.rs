//! The files with which others verify an export or a single entry: the public keys, the newest checkpoint, and proofs.

use audit::{checkpoint_json, latest_checkpoint};
use audit_store::PublicationError;
use axum::http::StatusCode;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use kernel::{Entry, Subject};

use crate::{response::download, services::ConsoleServices};

/// Responds with the public key, as `novantra audit public-key` prints it.
pub(super) fn public_key<'a>(_: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let pem = ConsoleServices::of(request)?.checkpoint_key_pem.clone();
        let response = ApiResponse::document(StatusCode::OK, "application/x-pem-file", Bytes::from(pem));
        Ok(download(response, "public-key.pem"))
    })
}

/// Responds with the newest checkpoint, as `novantra audit checkpoint` prints it.
pub(super) fn checkpoint<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let organization = request.principal()?.organization();
        let newest = latest_checkpoint(&*app.services.store, organization).await?.ok_or_else(Problem::not_found)?;
        let line = format!("{{\"checkpoint\":{}}}\n", checkpoint_json(&newest));
        Ok(download(ApiResponse::document(StatusCode::OK, "application/json", Bytes::from(line)), "checkpoint.json"))
    })
}

/// Responds with the key that verifies proofs of the log, as `novantra audit public-key --note` prints it.
pub(super) fn verifier_key<'a>(_: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let organization = request.principal()?.organization();
        let key = ConsoleServices::of(request)?.audit_log.verifier_key(organization);
        Ok(download(ApiResponse::document(StatusCode::OK, "text/plain", Bytes::from(format!("{key}\n"))), "log.vkey"))
    })
}

/// Responds with the proof of an entry, as `novantra audit prove` prints it.
pub(super) fn entry_proof<'a>(_: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let (organization, id) = (request.principal()?.organization(), request.path_id::<Entry>()?);
        let proof = ConsoleServices::of(request)?.audit_log.entry_proof(organization, id).await;
        let proof = proof.map_err(|error| match error {
            PublicationError::Store(error) => error.into(),
            PublicationError::NoEntry => Problem::not_found(),
            other => Problem::not_found_because(other.to_string()),
        })?;
        let response = ApiResponse::document(StatusCode::OK, "text/plain", Bytes::from(proof.to_string()));
        let response = response.with_subject(Subject { kind: "audit_entry".into(), id: id.to_string() });
        Ok(download(response, &format!("{id}.tlog-proof")))
    })
}
