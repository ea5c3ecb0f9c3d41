//! Simulated time.

use std::{future::pending, time::Duration};

use tokio::time::timeout;

/// Lets time pass in a runtime whose clock is paused: it passes whenever all tasks wait.
pub(crate) async fn pass_time(span: Duration) {
    let _ = timeout(span, pending::<()>()).await;
}
