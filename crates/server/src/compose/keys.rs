//! The installation's keys: one in a file, from which or under which all others are.

use std::{path::Path, sync::Arc};

use api::CursorSeal;
use crypto::{
    CursorKey, KeyFileError, MasterKey, TokenKeys, load_master_key, load_or_create_master_key, seal_new_signing_key,
};
use kernel::{Clock, Entropy};
use store::DynStore;

use super::{Opening, database::make_folder_of};
use crate::{
    failure::Failure,
    settings::{Database, Settings},
};

/// Who tokens say has issued them: every server of the installation, whatever its address.
const ISSUER: &str = "novantra";

/// The keys, proved to be those of this installation.
#[derive(Clone)]
pub(super) struct Keys {
    pub(super) master: MasterKey,
    /// None before the installation has begun.
    tokens: Option<Arc<TokenKeys>>,
}

impl Keys {
    /// Reads the master key and opens what is kept under it; makes both for a new installation. The signing keys are the
    /// proof that the master key is the right one.
    ///
    /// # Errors
    /// A master key that is missing or another installation's.
    pub(super) async fn open(
        settings: &Settings,
        opening: Opening,
        store: &DynStore,
        clock: &dyn Clock,
        entropy: &dyn Entropy,
    ) -> Result<Self, Failure> {
        let mut sealed = store.signing_keys().await?;
        let begins = opening.begins() && sealed.is_empty();
        let master = if matches!(settings.database, Database::Memory) {
            MasterKey::generate(entropy)
        } else {
            master(&settings.master_key_file, entropy, begins, !sealed.is_empty())?
        };
        if begins {
            store.add_first_signing_key(&seal_new_signing_key(&master, entropy, clock.now())).await?;
            sealed = store.signing_keys().await?;
        }
        let tokens = if sealed.is_empty() { None } else { Some(Arc::new(TokenKeys::open(&master, &sealed, ISSUER)?)) };
        Ok(Self { master, tokens })
    }

    /// What signs and verifies tokens.
    ///
    /// # Errors
    /// When the installation has not begun.
    pub(super) fn tokens(&self) -> Result<Arc<TokenKeys>, Failure> {
        self.tokens.clone().ok_or_else(|| Failure::new("the database has no token signing key"))
    }

    /// What seals cursors.
    pub(super) fn cursors(&self) -> Cursors {
        Cursors(CursorKey::new(&self.master))
    }
}

fn master(file: &Path, entropy: &dyn Entropy, begins: bool, needed: bool) -> Result<MasterKey, Failure> {
    if begins {
        make_folder_of(file)?;
        return Ok(load_or_create_master_key(file, entropy)?);
    }
    load_master_key(file).map_err(|error| match error {
        KeyFileError::Unreadable { path, source } if needed && source.kind() == std::io::ErrorKind::NotFound => {
            Failure::new(format!(
                "there is no master key at {}, but the database holds secrets that are kept under it: put it back, or name \
                 it with --master-key-file",
                path.display()
            ))
        }
        error => error.into(),
    })
}

/// Cursors as the API seals them.
pub(super) struct Cursors(CursorKey);

impl CursorSeal for Cursors {
    fn seal(&self, payload: &[u8]) -> String {
        self.0.seal(payload)
    }

    fn open(&self, cursor: &str) -> Option<Vec<u8>> {
        self.0.open(cursor)
    }
}
