//! Whether the store of attachments can be used, for probes.

use std::{sync::Arc, time::Duration};

use evidence::ContentStore;
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

/// How long a result is valid. A probe of a bucket is two requests that are paid for.
const MAX_AGE: Duration = Duration::from_secs(10);

/// Maximum duration of a probe: callers wait for 3 s or longer.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Probes the store of attachments, and remembers the result for some seconds.
pub(super) struct AttachmentProbe {
    contents: Arc<dyn ContentStore>,
    last: Mutex<Option<(Instant, Result<(), String>)>>,
}

impl AttachmentProbe {
    pub(super) fn new(contents: Arc<dyn ContentStore>) -> Self {
        Self { contents, last: Mutex::new(None) }
    }

    /// Returns the reason if attachments can't be stored.
    pub(super) async fn check(&self) -> Result<(), String> {
        let mut last = self.last.lock().await;
        if let Some((at, result)) = &*last
            && at.elapsed() < MAX_AGE
        {
            return result.clone();
        }
        let result = match timeout(TIMEOUT, self.contents.probe()).await {
            Ok(probed) => probed.map_err(|error| error.to_string()),
            Err(_) => Err(format!("the store of attachments does not answer within {} s", TIMEOUT.as_secs())),
        };
        *last = Some((Instant::now(), result.clone()));
        result
    }
}

#[cfg(test)]
mod tests {
    use attachments::FolderStore;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_store_that_can_not_be_written_is_reported_and_asked_again_after_some_seconds() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("attachments");
        let probe = AttachmentProbe::new(Arc::new(FolderStore::new(&root)));
        let reason = probe.check().await.unwrap_err();
        assert!(reason.contains(&root.display().to_string()), "{reason}");
        std::fs::create_dir(&root).unwrap();
        assert_eq!(probe.check().await, Err(reason));
        tokio::time::advance(MAX_AGE).await;
        assert_eq!(probe.check().await, Ok(()));
    }
}
