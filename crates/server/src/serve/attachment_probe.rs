//! Whether the store of attachments can be used, for probes.

use std::{sync::Arc, time::Duration};

use evidence::{ContentError, ContentStore};
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

/// How long a result is valid. A probe of a bucket is a request that is paid for.
const MAX_AGE: Duration = Duration::from_secs(10);

/// Maximum duration of a probe: callers wait for 3 s or longer.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Whether the store of attachments can be used: if it can, then with the reason if it has no space left; otherwise the
/// reason.
type Readiness = Result<Option<String>, String>;

/// Probes the store of attachments, and remembers the result for some seconds.
pub(super) struct AttachmentProbe {
    contents: Arc<dyn ContentStore>,
    last: Mutex<Option<(Instant, Readiness)>>,
}

impl AttachmentProbe {
    pub(super) fn new(contents: Arc<dyn ContentStore>) -> Self {
        Self { contents, last: Mutex::new(None) }
    }

    /// Returns the reason if attachments can't be read or stored. A store that is full is read as before, and full for every
    /// server, so that no other one could do what this one can't.
    pub(super) async fn check(&self) -> Readiness {
        let mut last = self.last.lock().await;
        if let Some((at, result)) = &*last
            && at.elapsed() < MAX_AGE
        {
            return result.clone();
        }
        let result = match timeout(TIMEOUT, self.contents.probe()).await {
            Ok(probed) => readiness(probed),
            Err(_) => Err(format!("the store of attachments does not answer within {} s", TIMEOUT.as_secs())),
        };
        *last = Some((Instant::now(), result.clone()));
        result
    }
}

fn readiness(probed: Result<(), ContentError>) -> Readiness {
    match probed {
        Ok(()) => Ok(None),
        Err(error @ ContentError::Full(_)) => Ok(Some(error.to_string())),
        Err(error) => Err(error.to_string()),
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
        assert_eq!(probe.check().await, Ok(None));
    }

    #[test]
    fn a_store_without_space_is_usable_and_one_that_does_not_answer_is_not() {
        let full = readiness(Err(ContentError::Full("the disk is full".into())));
        assert_eq!(full, Ok(Some("the store of attachments has no space left: the disk is full".to_owned())));
        assert!(readiness(Err(ContentError::Unavailable("away".into()))).is_err());
    }
}
