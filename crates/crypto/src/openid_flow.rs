//! The cookies of sign-ins by OpenID Connect that were begun.

use auth::{OpenIdFlow, OpenIdFlows};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use kernel::{Entropy, Timestamp};

use crate::{encryptor::Encryptor, master_key::MasterKey};

/// The purpose of the ciphertexts.
const PURPOSE: &str = "sign-in by OpenID Connect";

/// Encrypts sign-ins that were begun with a key derived from the master key, so that any server of the installation can
/// complete them.
#[derive(Debug)]
pub struct OpenIdFlowCipher(Encryptor);

impl OpenIdFlowCipher {
    /// Creates the cipher of the installation with this master key.
    #[must_use]
    pub fn new(master: &MasterKey) -> Self {
        Self(Encryptor::new(master))
    }
}

impl OpenIdFlows for OpenIdFlowCipher {
    fn encrypt(&self, entropy: &dyn Entropy, flow: &OpenIdFlow) -> String {
        let OpenIdFlow { state, nonce, verifier, next, started_at, is_again } = flow;
        // None of the texts has a line feed: they are random digits in base 32, and a path.
        let text = format!("{state}\n{nonce}\n{verifier}\n{}\n{is_again}\n{next}", started_at.millis());
        URL_SAFE_NO_PAD.encode(self.0.encrypt(entropy, PURPOSE, text.as_bytes()))
    }

    fn decrypt(&self, cookie: &str) -> Option<OpenIdFlow> {
        let decrypted = self.0.decrypt(PURPOSE, &URL_SAFE_NO_PAD.decode(cookie).ok()?).ok()?;
        let text = std::str::from_utf8(&decrypted).ok()?;
        let mut lines = text.splitn(6, '\n');
        let mut line = || lines.next().map(str::to_owned);
        let (state, nonce, verifier) = (line()?, line()?, line()?);
        let started_at = Timestamp::from_millis(line()?.parse().ok()?);
        let is_again = line()?.parse().ok()?;
        Some(OpenIdFlow { state, nonce, verifier, next: line()?, started_at, is_again })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{entropy::SystemEntropy, fixtures::master_key};

    #[test]
    fn a_sign_in_that_was_begun_is_read_back_from_its_cookie_by_its_installation_only() {
        let (cipher, entropy) = (OpenIdFlowCipher::new(&master_key(1)), SystemEntropy::new());
        let flow = OpenIdFlow::begin(&entropy, "/app/risks?q=1".to_owned(), true, Timestamp::from_millis(7));
        let cookie = cipher.encrypt(&entropy, &flow);
        assert!(cookie.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)), "{cookie}");
        assert_eq!(cipher.decrypt(&cookie), Some(flow.clone()));
        assert_eq!(OpenIdFlowCipher::new(&master_key(2)).decrypt(&cookie), None);
        assert_eq!((cipher.decrypt(&cookie[4..]), cipher.decrypt(""), cipher.decrypt("é")), (None, None, None));
        assert_ne!(OpenIdFlow::begin(&entropy, String::new(), false, flow.started_at).state, flow.state);
    }
}
