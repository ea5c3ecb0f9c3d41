//! The keys and ciphers of the API under test, assembled as a server does it.

use std::sync::Arc;

use auth::{Claims, ClientSecret, Keyring, PublishedKey, SecretHash, SecretHasher, TokenSigner, TokenVerifier};
use crypto::{
    Argon2Hasher, CachedVerifier, CursorKey, DeviceCookieKey, Encryptor, HmacWebhookSigner, MasterKey,
    PasskeyChallengeKey, TokenKeys, TotpFactors, generate_signing_key,
};
use http_api::{CursorSigner, ResponseCipher};
use kernel::{Entropy, Timestamp};

pub(crate) struct TestKeys {
    pub(super) master: MasterKey,
    pub(crate) secrets: Arc<Argon2Hasher>,
    pub(crate) tokens: Arc<TokenKeys>,
    pub(crate) cursor_signer: Arc<TestCursorSigner>,
    pub(crate) response_cipher: Arc<TestResponseCipher>,
    pub(crate) webhooks: Arc<HmacWebhookSigner>,
    pub(crate) second_factors: Arc<TotpFactors>,
    pub(crate) devices: Arc<DeviceCookieKey>,
    pub(crate) challenges: Arc<PasskeyChallengeKey>,
}

pub(crate) struct TestCursorSigner(CursorKey);

pub(crate) struct TestResponseCipher(Encryptor);

impl ResponseCipher for TestResponseCipher {
    fn encrypt(&self, entropy: &dyn Entropy, purpose: &str, body: &[u8]) -> Vec<u8> {
        self.0.encrypt(entropy, purpose, body)
    }

    fn decrypt(&self, purpose: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        self.0.decrypt(purpose, sealed).ok().map(|body| body.to_vec())
    }
}

impl CursorSigner for TestCursorSigner {
    fn sign(&self, payload: &[u8]) -> String {
        self.0.sign(payload)
    }

    fn verify(&self, cursor: &str) -> Option<Vec<u8>> {
        self.0.verify(cursor)
    }
}

impl TestKeys {
    pub(crate) fn new(entropy: &Arc<dyn Entropy>, now: Timestamp) -> Self {
        let master = MasterKey::generate(&**entropy);
        let key = generate_signing_key(&master, &**entropy, now);
        let ring = Keyring::new(now, vec![PublishedKey { key, signs_from: now }]);
        Self {
            secrets: Arc::new(Argon2Hasher::new(Arc::clone(entropy))),
            tokens: Arc::new(TokenKeys::open(&master, &ring, "https://novantra.example").unwrap()),
            cursor_signer: Arc::new(TestCursorSigner(CursorKey::new(&master))),
            response_cipher: Arc::new(TestResponseCipher(Encryptor::new(&master))),
            webhooks: Arc::new(HmacWebhookSigner::new(&master)),
            second_factors: Arc::new(TotpFactors::new(&master)),
            devices: Arc::new(DeviceCookieKey::new(&master)),
            challenges: Arc::new(PasskeyChallengeKey::new(&master)),
            master,
        }
    }

    /// A verifier with a cache of verified tokens, as a server has it.
    pub(crate) fn verifier(&self) -> Arc<dyn TokenVerifier> {
        Arc::new(CachedVerifier::new(self.tokens.clone(), 1000))
    }

    pub(crate) fn hash(&self, secret: &ClientSecret) -> SecretHash {
        self.secrets.hash(secret, None)
    }

    /// Signs a token with arbitrary claims.
    pub(crate) fn sign(&self, claims: &Claims) -> String {
        self.tokens.sign(claims).unwrap()
    }
}
