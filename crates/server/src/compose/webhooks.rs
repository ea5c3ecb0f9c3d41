//! Composition of webhook signing, sending and delivery.

use std::sync::Arc;

use api_v1::WebhookServices;
use delivery::{
    DeliveryObserver, DeliveryServices, Dispatcher, Distributor, GuardedSender, LocalNotifier, Roots, SystemResolver,
};
use webhooks::{AddressPolicy, Sender, WebhookSigner};

use super::Installation;
use crate::settings::WebhookSettings;

/// The webhook services shared by the API and the delivery tasks.
pub(crate) struct Webhooks {
    signer: Arc<dyn WebhookSigner>,
    sender: Arc<dyn Sender>,
    addresses: AddressPolicy,
    pub(crate) notifier: Arc<LocalNotifier>,
    concurrency: usize,
}

impl Webhooks {
    /// Creates the services. The system's root certificates are read when they are first needed.
    pub(crate) fn new(installation: &Installation, settings: &WebhookSettings) -> Self {
        let addresses = settings.addresses.clone();
        let clock = Arc::clone(&installation.clock);
        let sender = GuardedSender::new(addresses.clone(), Arc::new(SystemResolver), clock, Roots::System);
        Self {
            signer: Arc::new(installation.keys.webhook_signer()),
            sender: Arc::new(sender),
            addresses,
            notifier: Arc::default(),
            concurrency: settings.concurrency,
        }
    }

    /// Creates the services of the webhook endpoints.
    pub(crate) fn endpoint_services(&self) -> Arc<WebhookServices> {
        let (signer, sender) = (Arc::clone(&self.signer), Arc::clone(&self.sender));
        Arc::new(WebhookServices::new(signer, sender, self.addresses.clone()))
    }

    /// Creates the distributor, which fans out events to deliveries.
    pub(crate) fn distributor(&self, installation: &Installation) -> Distributor {
        let (store, clock) = (Arc::clone(&installation.store), Arc::clone(&installation.clock));
        Distributor::new(store, clock, &*installation.entropy)
    }

    /// Creates the dispatcher, whose workers send deliveries.
    pub(crate) fn dispatcher(&self, installation: &Installation, observer: Arc<dyn DeliveryObserver>) -> Dispatcher {
        Dispatcher::new(DeliveryServices {
            store: Arc::clone(&installation.store),
            sender: Arc::clone(&self.sender),
            signer: Arc::clone(&self.signer),
            clock: Arc::clone(&installation.clock),
            entropy: Arc::clone(&installation.entropy),
            observer,
            concurrency: self.concurrency,
        })
    }
}
