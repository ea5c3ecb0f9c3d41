//! The master key, read from its file and verified against the database.

use std::{io::ErrorKind, path::Path};

use crypto::{KeyFileError, MasterKey, TokenKeys, load_master_key, load_or_create_master_key};
use kernel::Entropy;
use store::DynStore;

use super::{
    super::{absence, database::create_parent_folder},
    OpenMode,
};
use crate::{failure::Failure, settings::Settings};

/// Reads the master key and verifies that the database was initialized with it. For a new installation, a missing file
/// is created. If several servers initialize the database at once with different keys, all but the first one's are
/// refused.
///
/// # Errors
/// If the file is missing, or its key is not that of the database.
pub(super) async fn resolve(
    settings: &Settings,
    mode: OpenMode,
    store: &DynStore,
    entropy: &dyn Entropy,
) -> Result<MasterKey, Failure> {
    let file = &settings.master_key_file;
    if mode.begins_only_if_new() {
        let is_absent =
            || async { Ok(store.master_key_check().await?.is_none() && store.signing_keys().await?.keys().is_empty()) };
        absence::ensure_new(settings, absence::NO_INSTALLATION, is_absent).await?;
    }
    let check = store.master_key_check().await?;
    let keyring = store.signing_keys().await?;
    let is_initialized = check.is_some() || !keyring.keys().is_empty();
    if !is_initialized && !mode.creates_missing() {
        return Err(absence::missing_installation(settings, absence::NO_INSTALLATION));
    }
    let master = if mode.creates_missing() && !is_initialized {
        create_parent_folder(file)?;
        load_or_create_master_key(file, entropy)?
    } else {
        load(file)?
    };
    let check = match check {
        Some(check) => check,
        None => {
            // Initialized by a version that stored no check value: decrypting the signing keys proves the master key.
            if !keyring.keys().is_empty() {
                TokenKeys::open(&master, &keyring, "").map_err(|_| foreign_key_error(file))?;
            }
            if !mode.creates_missing() {
                return Ok(master);
            }
            store.store_master_key_check(&master.check_value()).await?
        }
    };
    if master.has_check_value(&check) { Ok(master) } else { Err(foreign_key_error(file)) }
}

fn load(file: &Path) -> Result<MasterKey, Failure> {
    load_master_key(file).map_err(|error| match error {
        KeyFileError::Unreadable { path, source } if source.kind() == ErrorKind::NotFound => {
            Failure::new(format!(
                "there is no master key at {}, but the database was initialized with one: copy the file from another server of \
                 this installation, or from its backup, to this path, or name it with --master-key-file",
                path.display()
            ))
        }
        error => error.into(),
    })
}

pub(in crate::compose) fn foreign_key_error(file: &Path) -> Failure {
    Failure::new(format!(
        "the master key in {} belongs to another installation than the database: copy the file from another server of \
         this installation, or from its backup, to this path, or name it with --master-key-file",
        file.display()
    ))
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf, sync::Arc};

    use crypto::SystemEntropy;
    use store_memory::MemoryStore;

    use super::*;
    use crate::{
        clock::SystemClock,
        compose::keys::generate_signing_key,
        settings::{Sources, collect},
    };

    struct Machine {
        folder: tempfile::TempDir,
    }

    impl Machine {
        fn new() -> Self {
            Self { folder: tempfile::tempdir().unwrap() }
        }

        fn file(&self) -> PathBuf {
            self.folder.path().join("data/master.key")
        }

        async fn open(&self, mode: OpenMode, store: &DynStore) -> Result<MasterKey, String> {
            let data_dir = self.folder.path().join("data").display().to_string();
            let environment = vec![("NOVANTRA_DATA_DIR".to_owned(), data_dir)];
            let values = collect(&Sources { environment, ..Sources::default() }).unwrap();
            let result = resolve(&Settings::parse(&values).unwrap(), mode, store, &SystemEntropy::new()).await;
            result.map_err(|failure| failure.to_string())
        }
    }

    fn database() -> Arc<DynStore> {
        Arc::new(MemoryStore::new(Arc::new(SystemClock)))
    }

    #[tokio::test]
    async fn a_second_machine_creates_no_key_and_its_error_says_to_copy_the_first_ones() {
        let (store, one, other) = (database(), Machine::new(), Machine::new());
        let key = one.open(OpenMode::Serve, &*store).await.unwrap();
        let error = other.open(OpenMode::Serve, &*store).await.unwrap_err();
        assert!(error.contains("copy the file from another server"), "{error}");
        assert!(error.contains(other.file().to_str().unwrap()), "{error}");
        assert!(!other.file().exists());
        fs::create_dir_all(other.file().parent().unwrap()).unwrap();
        fs::copy(one.file(), other.file()).unwrap();
        assert_eq!(other.open(OpenMode::Serve, &*store).await.unwrap().to_text(), key.to_text());
    }

    #[tokio::test]
    async fn a_foreign_master_key_is_refused_by_servers_and_commands_with_its_path() {
        let (store, one, other) = (database(), Machine::new(), Machine::new());
        one.open(OpenMode::Serve, &*store).await.unwrap();
        other.open(OpenMode::Serve, &*database()).await.unwrap();
        for mode in [OpenMode::Serve, OpenMode::ServeNoMigrate, OpenMode::Initialize, OpenMode::Command] {
            let error = other.open(mode, &*store).await.unwrap_err();
            assert!(error.contains("belongs to another installation than the database"), "{error}");
            assert!(error.contains(other.file().to_str().unwrap()), "{error}");
        }
    }

    #[tokio::test]
    async fn exactly_one_of_eight_machines_initializes_a_database_with_its_own_key() {
        let store = database();
        let machines: Vec<_> = (0..8)
            .map(|_| {
                let store = Arc::clone(&store);
                tokio::spawn(async move { Machine::new().open(OpenMode::Serve, &*store).await.is_ok() })
            })
            .collect();
        let mut successes = 0;
        for machine in machines {
            successes += usize::from(machine.await.unwrap());
        }
        assert_eq!(successes, 1);
    }

    #[tokio::test]
    async fn an_installation_without_a_check_value_is_verified_by_decrypting_its_signing_key() {
        let (store, one, other) = (database(), Machine::new(), Machine::new());
        let entropy = SystemEntropy::new();
        one.open(OpenMode::Serve, &*database()).await.unwrap();
        other.open(OpenMode::Serve, &*database()).await.unwrap();
        let key = load_master_key(&one.file()).unwrap();
        let signing_key = generate_signing_key(&key, &entropy, kernel::Clock::now(&SystemClock));
        store.add_first_signing_key(&signing_key).await.unwrap();
        assert!(other.open(OpenMode::Serve, &*store).await.is_err());
        assert_eq!(store.master_key_check().await.unwrap(), None, "a wrong key must not store its check value");
        one.open(OpenMode::Command, &*store).await.unwrap();
        assert_eq!(store.master_key_check().await.unwrap(), None, "a command must not store the check value");
        one.open(OpenMode::Serve, &*store).await.unwrap();
        assert_eq!(store.master_key_check().await.unwrap(), Some(key.check_value()));
    }
}
