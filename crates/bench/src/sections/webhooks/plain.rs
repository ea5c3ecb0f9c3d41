//! The baseline: a loop that only signs and posts.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use aws_lc_rs::hmac;
use axum::body::Bytes;
use base64::{Engine, engine::general_purpose::STANDARD};
use tokio::task::JoinSet;

use crate::{
    failure::{Failure, Outcome},
    receiver::Receiver,
};

const WINDOW: Duration = Duration::from_secs(2);

/// Returns the posts per second of `at_once` tasks with one client.
pub(super) fn rate(receiver: &Receiver, body: &Bytes, at_once: usize) -> Outcome<f64> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let before = receiver.count();
    let elapsed = runtime.block_on(post(receiver.url(), body, at_once))?;
    Ok((receiver.count() - before) as f64 / elapsed.as_secs_f64())
}

async fn post(url: String, body: &Bytes, at_once: usize) -> Outcome<Duration> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let key = Arc::new(hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]));
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for task in 0..at_once {
        let (client, key, url, body) = (client.clone(), Arc::clone(&key), url.clone(), body.clone());
        tasks.spawn(async move {
            let mut number = 0;
            while started.elapsed() < WINDOW {
                number += 1;
                let (id, at) = (format!("evt_{task}_{number}"), "1779718113");
                let content = [id.as_bytes(), b".", at.as_bytes(), b".", &body].concat();
                let signature = format!("v1,{}", STANDARD.encode(hmac::sign(&key, &content)));
                let request = client.post(&url).header("content-type", "application/json").header("webhook-id", id);
                let request = request.header("webhook-timestamp", at).header("webhook-signature", signature);
                let response = request.body(body.clone()).send().await?;
                if !response.status().is_success() {
                    return Err(Failure::new(format!("unexpected status {}", response.status())));
                }
                response.bytes().await?;
            }
            Ok(())
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(started.elapsed())
}
