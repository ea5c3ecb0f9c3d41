//! The bell of one process: whoever commits something rings, whoever delivers hears.

use tokio::sync::Notify;
use webhooks::Bell;

/// One bell that both tasks hear, each for itself.
#[derive(Debug, Default)]
pub struct Doorbell {
    distributor: Notify,
    dispatcher: Notify,
}

impl Doorbell {
    /// Waits for a ring that the distributor has not heard yet.
    pub async fn for_distributor(&self) {
        self.distributor.notified().await;
    }

    /// Waits for a ring that the dispatcher has not heard yet.
    pub async fn for_dispatcher(&self) {
        self.dispatcher.notified().await;
    }

    /// Tells the dispatcher alone that deliveries are due.
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
