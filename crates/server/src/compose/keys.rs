//! The installation's keys: the master key in a file, and the keys derived from it or encrypted with it.

mod master;
mod tokens;

use std::sync::Arc;

use auth::EncryptedSigningKey;
use crypto::{
    CursorKey, DeviceCookieKey, Encryptor, HmacWebhookSigner, MasterKey, OpenIdFlowCipher, PasskeyChallengeKey,
    TotpFactors, generate_signing_key,
};
use http_api::{CursorSigner, ResponseCipher};
use kernel::{Clock, Entropy};
use store::DynStore;
use store_sql::Database as SqlDatabase;

use super::{
    OpenMode,
    audit_logs::row_key,
    identity::{new_id, renew_at_start},
};
use crate::{
    failure::Failure,
    settings::{Database, Settings},
};

pub(super) use master::foreign_key_error;
pub(crate) use tokens::Tokens;

/// The keys, verified to be those of this installation.
#[derive(Clone)]
pub(super) struct Keys {
    pub(super) master: MasterKey,
    /// `None` if the database has no token signing key yet.
    tokens: Option<Arc<Tokens>>,
}

impl Keys {
    /// Reads the master key and decrypts the token signing keys. For a new installation, both are created. A server
    /// renews the identity of a copy.
    ///
    /// # Errors
    /// If the master key is missing or belongs to another installation, or the store fails.
    pub(super) async fn open(
        settings: &Settings,
        mode: OpenMode,
        (store, sql): (&Arc<DynStore>, Option<&SqlDatabase>),
        clock: &dyn Clock,
        entropy: &dyn Entropy,
    ) -> Result<Self, Failure> {
        let master = match settings.database {
            Database::Memory => MasterKey::generate(entropy),
            _ => master::resolve(settings, mode, &**store, entropy).await?,
        };
        // Before anything is written that has an audit entry.
        let rows = row_key(&master);
        store.authenticate_rows(Arc::clone(&rows));
        if mode.is_server()
            && let Some(sql) = sql
        {
            // Only now: a server with a wrong key must change nothing.
            renew_at_start(sql, &rows, entropy, clock.now()).await?;
        }
        if mode.creates_missing() && store.signing_keys().await?.keys().is_empty() {
            store.add_first_signing_key(&generate_signing_key(&master, entropy, clock.now())).await?;
        }
        if mode.creates_missing() {
            let id = store.store_installation_id(&new_id(entropy, clock.now())).await?;
            if mode.is_server() {
                store.expect_installation(&id, &master.check_value());
            }
        }
        let tokens = Tokens::open(&master, Arc::clone(store)).await?.map(Arc::new);
        Ok(Self { master, tokens })
    }

    /// The signer and verifier of access tokens.
    ///
    /// # Errors
    /// If the database has no token signing key.
    pub(super) fn tokens(&self) -> Result<Arc<Tokens>, Failure> {
        self.tokens
            .clone()
            .ok_or_else(|| Failure::new("the database has no token signing key; the next start of a server creates it"))
    }

    /// The protection of pagination cursors.
    pub(super) fn cursor_signer(&self) -> HmacCursorSigner {
        HmacCursorSigner(CursorKey::new(&self.master))
    }

    /// The cipher of stored responses that contain a secret.
    pub(super) fn response_cipher(&self) -> AeadResponseCipher {
        AeadResponseCipher(Encryptor::new(&self.master))
    }

    /// The encryption of webhook secrets and the signatures made with them.
    pub(super) fn webhook_signer(&self) -> HmacWebhookSigner {
        HmacWebhookSigner::new(&self.master)
    }

    /// The secrets of authenticator apps.
    pub(super) fn second_factors(&self) -> TotpFactors {
        TotpFactors::new(&self.master)
    }

    /// The cookies of devices on which users signed in before.
    pub(super) fn device_cookies(&self) -> DeviceCookieKey {
        DeviceCookieKey::new(&self.master)
    }

    /// The cookies of sign-ins by OpenID Connect that were begun.
    pub(super) fn openid_flows(&self) -> OpenIdFlowCipher {
        OpenIdFlowCipher::new(&self.master)
    }

    /// The challenges that passkeys answer.
    pub(super) fn passkey_challenges(&self) -> PasskeyChallengeKey {
        PasskeyChallengeKey::new(&self.master)
    }

    /// Generates a token signing key, which is not published yet.
    pub(super) fn new_signing_key(&self, clock: &dyn Clock, entropy: &dyn Entropy) -> EncryptedSigningKey {
        generate_signing_key(&self.master, entropy, clock.now())
    }
}

/// Encrypts stored responses with a key derived from the master key.
pub(super) struct AeadResponseCipher(Encryptor);

impl ResponseCipher for AeadResponseCipher {
    fn encrypt(&self, entropy: &dyn Entropy, purpose: &str, body: &[u8]) -> Vec<u8> {
        self.0.encrypt(entropy, purpose, body)
    }

    fn decrypt(&self, purpose: &str, encrypted: &[u8]) -> Option<Vec<u8>> {
        self.0.decrypt(purpose, encrypted).ok().map(|body| body.to_vec())
    }
}

/// Signs cursors with a key derived from the master key.
pub(super) struct HmacCursorSigner(CursorKey);

impl CursorSigner for HmacCursorSigner {
    fn sign(&self, payload: &[u8]) -> String {
        self.0.sign(payload)
    }

    fn verify(&self, cursor: &str) -> Option<Vec<u8>> {
        self.0.verify(cursor)
    }
}
