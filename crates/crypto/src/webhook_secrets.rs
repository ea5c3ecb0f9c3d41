//! Webhook secrets: encryption at rest, and signatures by the Standard Webhooks specification.

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use base64::{Engine, engine::general_purpose::STANDARD};
use kernel::{Entropy, Id};
use webhooks::{EncryptedSecret, WebhookSecret, WebhookSigner, WebhookSubscription};

use crate::{encryptor::Encryptor, master_key::MasterKey};

/// Encrypts webhook secrets with a key derived from the master key, and signs with them.
#[derive(Debug)]
pub struct HmacWebhookSigner(Encryptor);

impl HmacWebhookSigner {
    /// Creates the signer of the installation with this master key.
    #[must_use]
    pub fn new(master: &MasterKey) -> Self {
        Self(Encryptor::new(master))
    }
}

impl WebhookSigner for HmacWebhookSigner {
    fn encrypt(&self, entropy: &dyn Entropy, subscription: Id<WebhookSubscription>, secret: &WebhookSecret) -> Vec<u8> {
        self.0.encrypt(entropy, &purpose(subscription), secret.expose())
    }

    fn sign(
        &self,
        subscription: Id<WebhookSubscription>,
        secrets: &[&EncryptedSecret],
        content: &[u8],
    ) -> Option<String> {
        let purpose = purpose(subscription);
        let mut signatures = Vec::with_capacity(secrets.len());
        for secret in secrets {
            let secret = self.0.decrypt(&purpose, &secret.ciphertext).ok()?;
            signatures.push(signature(&secret, content));
        }
        (!signatures.is_empty()).then(|| signatures.join(" "))
    }

    fn sign_with(&self, secret: &WebhookSecret, content: &[u8]) -> String {
        signature(secret.expose(), content)
    }
}

/// The purpose of a secret, which prevents its decryption in the row of another subscription.
fn purpose(subscription: Id<WebhookSubscription>) -> String {
    format!("webhook secret {}", subscription.ulid())
}

fn signature(secret: &[u8], content: &[u8]) -> String {
    let tag = hmac::sign(&hmac::Key::new(HMAC_SHA256, secret), content);
    format!("v1,{}", STANDARD.encode(tag))
}

#[cfg(test)]
mod tests {
    use kernel::Timestamp;
    use ulid::Ulid;

    use super::*;
    use crate::{
        entropy::SystemEntropy,
        fixtures::{ConstantEntropy, master_key},
    };

    fn id(number: u128) -> Id<WebhookSubscription> {
        Id::new(Ulid::from_parts(1_700_000_000_000, number))
    }

    fn encrypted_secret(signer: &HmacWebhookSigner, number: u128, secret: &WebhookSecret) -> EncryptedSecret {
        let ciphertext = signer.encrypt(&SystemEntropy::new(), id(number), secret);
        EncryptedSecret { ciphertext, expires_at: None }
    }

    /// The example of the Standard Webhooks specification, which the tests of its published libraries use, too.
    #[test]
    fn the_signature_equals_the_example_of_the_specification() {
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let content = br#"msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{"test": 2432232314}"#;
        assert_eq!(signature(&secret, content), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn an_encrypted_secret_signs_like_the_plain_one_and_only_for_its_own_subscription() {
        let signer = HmacWebhookSigner::new(&master_key(1));
        let secret = WebhookSecret::generate(&ConstantEntropy(7));
        let stored = encrypted_secret(&signer, 1, &secret);
        let signed = signer.sign(id(1), &[&stored], b"content").unwrap();
        assert_eq!(signed, signer.sign_with(&secret, b"content"));
        assert_ne!(signed, signer.sign_with(&secret, b"contents"));
        assert_eq!(signer.sign(id(2), &[&stored], b"content"), None);
        assert_eq!(HmacWebhookSigner::new(&master_key(2)).sign(id(1), &[&stored], b"content"), None);
    }

    #[test]
    fn during_a_rotation_both_secrets_sign_in_their_order() {
        let signer = HmacWebhookSigner::new(&master_key(1));
        let (new, old) = (WebhookSecret::generate(&ConstantEntropy(1)), WebhookSecret::generate(&ConstantEntropy(2)));
        let ends_at = Some(Timestamp::from_millis(1));
        let stored = [
            encrypted_secret(&signer, 1, &new),
            EncryptedSecret { expires_at: ends_at, ..encrypted_secret(&signer, 1, &old) },
        ];
        let both = signer.sign(id(1), &[&stored[0], &stored[1]], b"content").unwrap();
        assert_eq!(both, [&new, &old].map(|secret| signer.sign_with(secret, b"content")).join(" "));
    }

    #[test]
    fn nothing_is_signed_without_a_secret_or_if_one_cannot_be_decrypted() {
        let signer = HmacWebhookSigner::new(&master_key(1));
        let stored = encrypted_secret(&signer, 1, &WebhookSecret::generate(&ConstantEntropy(1)));
        let mut altered = stored.clone();
        altered.ciphertext[20] ^= 1;
        assert_eq!(signer.sign(id(1), &[], b"content"), None);
        assert_eq!(signer.sign(id(1), &[&stored, &altered], b"content"), None);
    }
}
