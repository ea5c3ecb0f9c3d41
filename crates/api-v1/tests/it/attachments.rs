//! Uploads and downloads of attachments.

mod aborted;
pub(crate) mod custody;
mod damage;
mod downloads;
mod storage_limits;
mod uploads;

use serde_json::Value;

use crate::support::{Client, TestApi, TestRequest};

const UPLOADS: &str = "/api/v1/governance/evidence/attachments?reason=Report+of+the+nightly+backup";

/// A request to upload these bytes.
fn upload(api: &TestApi, client: &Client, bytes: impl Into<Vec<u8>>) -> TestRequest {
    api.post(UPLOADS).auth(client).file("report.csv", "text/csv", bytes)
}

/// Uploads bytes, and returns the attachment.
pub(crate) async fn uploaded(api: &TestApi, client: &Client, bytes: impl Into<Vec<u8>>) -> Value {
    upload(api, client, bytes).send().await.expect(201).json()["attachment"].clone()
}

/// A request to download an attachment.
fn download(api: &TestApi, client: &Client, attachment: &Value) -> TestRequest {
    let id = attachment["id"].as_str().unwrap();
    api.get(&format!("/api/v1/governance/evidence/attachments/{id}/content")).auth(client)
}

/// Bytes of which no part repeats another.
fn bytes(length: usize) -> Vec<u8> {
    (0..length as u32 / 4 + 1).flat_map(u32::to_be_bytes).take(length).collect()
}
