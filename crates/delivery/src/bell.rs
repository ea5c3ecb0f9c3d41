//! In-process notifications: writers notify after a commit, delivery tasks wait for them.

use tokio::sync::Notify;
use webhooks::Bell;

/// Wakes up the distributor and the dispatcher of this process, each independently.
#[derive(Debug, Default)]
pub struct Doorbell {
    distributor: Notify,
    dispatcher: Notify,
}

impl Doorbell {
    /// Waits for a notification that the distributor has not received yet.
    pub async fn for_distributor(&self) {
        self.distributor.notified().await;
    }

    /// Waits for a notification that the dispatcher has not received yet.
    pub async fn for_dispatcher(&self) {
        self.dispatcher.notified().await;
    }

    /// Notifies only the dispatcher: deliveries are due.
    pub fn deliveries_are_due(&self) {
        self.dispatcher.notify_one();
    }
}

impl Bell for Doorbell {
    fn ring(&self) {
        self.distributor.notify_one();
        self.dispatcher.notify_one();
    }
}
