//! The port of cryptography.

use kernel::{Entropy, Id};

use crate::{
    secret::{EncryptedSecret, WebhookSecret},
    subscription::WebhookSubscription,
};

/// Encrypts webhook secrets and signs with them.
pub trait WebhookSigner: Send + Sync {
    /// Encrypts the secret, bound to this subscription.
    fn encrypt(&self, entropy: &dyn Entropy, subscription: Id<WebhookSubscription>, secret: &WebhookSecret) -> Vec<u8>;

    /// Returns the value of `webhook-signature`: one signature of the content for each secret, in their order; `None`
    /// if a secret can't be decrypted.
    fn sign(
        &self,
        subscription: Id<WebhookSubscription>,
        secrets: &[&EncryptedSecret],
        content: &[u8],
    ) -> Option<String>;

    /// Returns the signature of the content with a plain secret.
    fn sign_with(&self, secret: &WebhookSecret, content: &[u8]) -> String;
}
