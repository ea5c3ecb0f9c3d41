//! The archiver beside the sealer: a task of its own, since an archive may take minutes to answer, for which no entry waits
//! to be sealed. It may be dropped anywhere.

use std::time::Duration;

use audit_store::{Archived, Archiver};
use kernel::StoreError;
use tokio::{task::JoinHandle, time::Instant};

/// The pause after the archive or the store has failed.
const RETRY_DELAY: Duration = Duration::from_secs(60);

/// The archiver, and its run.
pub(super) struct ArchiveTask {
    state: State,
    /// The time before which nothing is tried again.
    rests_until: Option<Instant>,
}

enum State {
    Idle(Box<Archiver>),
    Running(JoinHandle<(Box<Archiver>, Result<Archived, StoreError>)>),
    /// A run has panicked: the next process goes on.
    Lost,
}

impl ArchiveTask {
    pub(super) fn new(archiver: Archiver) -> Self {
        Self { state: State::Idle(Box::new(archiver)), rests_until: None }
    }

    /// Takes the result of the last run, if it has ended, and returns whether the next one may begin.
    pub(super) fn is_due(&mut self) -> bool {
        if let State::Running(run) = &mut self.state
            && run.is_finished()
        {
            self.take_result();
        }
        let rests = self.rests_until.is_some_and(|until| Instant::now() < until);
        matches!(&self.state, State::Idle(archiver) if !rests && archiver.is_due())
    }

    fn take_result(&mut self) {
        let State::Running(run) = std::mem::replace(&mut self.state, State::Lost) else { return };
        // It has finished, so its result is there at once.
        let result = futures_util::FutureExt::now_or_never(run);
        match result {
            Some(Ok((archiver, outcome))) => {
                self.rests_until = outcome.is_err().then(|| Instant::now() + RETRY_DELAY);
                match outcome {
                    Ok(Archived::Object(key)) => {
                        tracing::info!(object = %key.name(), "entries of the audit log were archived")
                    }
                    Ok(_) => {}
                    Err(error) => {
                        tracing::warn!(%error, "can't archive entries of the audit log; trying again in 60 s");
                    }
                }
                self.state = State::Idle(archiver);
            }
            Some(Err(error)) => tracing::error!(%error, "the archiver of the audit log has failed"),
            None => tracing::error!("the archiver of the audit log has no result"),
        }
    }

    /// Begins a run, if none is going on.
    pub(super) fn start(&mut self) {
        self.state = match std::mem::replace(&mut self.state, State::Lost) {
            State::Idle(mut archiver) => State::Running(tokio::spawn(async move {
                let outcome = archiver.run_once().await;
                (archiver, outcome)
            })),
            state => state,
        };
    }
}

impl Drop for ArchiveTask {
    fn drop(&mut self) {
        if let State::Running(run) = &self.state {
            run.abort();
        }
    }
}
