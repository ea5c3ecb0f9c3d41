//! The claim of an idempotency key by a write that has an effect outside the store, before its commit: of requests with
//! one key, only one may have that effect.

use std::time::Duration;

use kernel::{ClaimOutcome, KeyClaim, Ulid};
use tokio::time::{Instant, sleep};

use super::key_use::{KeyUse, find_replay, key_reused};
use crate::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};

/// The time for which a claim is held, unless it is released: longer than any effect and its commit take.
const HELD_FOR: Duration = Duration::from_secs(60);
/// The maximum time that a request waits for the response to the one that holds the claim.
const MAX_WAIT: Duration = Duration::from_secs(20);
/// The time after which it first looks for that response. It doubles each time, up to [`MAX_POLL_INTERVAL`].
const FIRST_POLL_INTERVAL: Duration = Duration::from_millis(100);
const MAX_POLL_INTERVAL: Duration = Duration::from_secs(2);
/// The number of times it looks for that response before it tries to claim the key again, which is a write.
const POLLS_PER_CLAIM: usize = 3;

/// The right to have an effect.
pub(super) enum Claim {
    /// This request may have the effect, with this identifier: that of an earlier attempt, if it was interrupted.
    Held(KeyClaim),
    /// The effect has happened; this is the replay of its response.
    Replayed(Box<ApiResponse>),
}

/// Claims the key, or waits for the response to the request that holds the claim.
pub(super) async fn claim(app: &App, request: &ApiRequest, key: &KeyUse) -> Result<Claim, Problem> {
    let (services, deadline) = (&app.services, Instant::now() + MAX_WAIT);
    let mut interval = FIRST_POLL_INTERVAL;
    loop {
        let now = services.clock.now();
        let claim = KeyClaim {
            key: key.key.clone(),
            fingerprint: key.fingerprint,
            effect: services.entropy.ulid(now),
            held_until: now + HELD_FOR,
            expires_at: now + services.settings.idempotency_retention.max(HELD_FOR),
        };
        let outcome = services.store.claim_key(&claim, now).await?;
        // The request that held the claim may have been committed since the key was looked up.
        if let Some(response) = find_replay(app, request, Some(key)).await? {
            if let ClaimOutcome::Claimed(effect) = outcome {
                release(app, &KeyClaim { effect, ..claim }).await;
            }
            return Ok(Claim::Replayed(Box::new(response)));
        }
        match outcome {
            ClaimOutcome::Claimed(effect) => return Ok(Claim::Held(KeyClaim { effect, ..claim })),
            ClaimOutcome::KeyReused => return Err(key_reused()),
            ClaimOutcome::HeldByAnother if Instant::now() < deadline => {
                for _ in 0..POLLS_PER_CLAIM {
                    sleep(interval).await;
                    interval = (interval * 2).min(MAX_POLL_INTERVAL);
                    if let Some(response) = find_replay(app, request, Some(key)).await? {
                        return Ok(Claim::Replayed(Box::new(response)));
                    }
                }
            }
            ClaimOutcome::HeldByAnother => {
                return Err(Problem::conflict(
                    "a request with this idempotency key is still in progress: send it again in a few seconds",
                ));
            }
        }
    }
}

/// Releases a claim after the write has failed, so that the next request with the key need not wait. If this fails, the
/// claim ends by itself.
pub(super) async fn release(app: &App, claim: &KeyClaim) {
    if let Err(error) = app.services.store.release_key(claim).await {
        tracing::warn!(%error, "the claim of an idempotency key could not be released; it ends within a minute");
    }
}

/// Returns the identifier of an effect without an idempotency key.
pub(super) fn new_effect(app: &App) -> Ulid {
    app.services.entropy.ulid(app.services.clock.now())
}
