//! In-process notifications: writers notify after a commit, delivery tasks wait for them.

use tokio::sync::Notify;
use webhooks::DeliveryNotifier;

/// Wakes up the distributor and the dispatcher of this process, each independently.
#[derive(Debug, Default)]
pub struct LocalNotifier {
    distributor: Notify,
    dispatcher: Notify,
}

impl LocalNotifier {
    /// Waits for a notification that the distributor has not received yet.
    pub async fn fan_out_notified(&self) {
        self.distributor.notified().await;
    }

    /// Waits for a notification that the dispatcher has not received yet.
    pub async fn dispatch_notified(&self) {
        self.dispatcher.notified().await;
    }

    /// Notifies only the dispatcher: deliveries are due.
    pub fn notify_dispatcher(&self) {
        self.dispatcher.notify_one();
    }
}

impl DeliveryNotifier for LocalNotifier {
    fn notify(&self) {
        self.distributor.notify_one();
        self.dispatcher.notify_one();
    }
}
