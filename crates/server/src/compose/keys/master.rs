//! The master key: read from its file, and recognized by the database.

use std::{io::ErrorKind, path::Path};

use crypto::{KeyFileError, MasterKey, TokenKeys, load_master_key, load_or_create_master_key};
use kernel::Entropy;
use store::DynStore;

use super::{super::database::make_folder_of, Opening, tokens::ISSUER};
use crate::failure::Failure;

/// The key in this file, which the database knows for its own. A new installation makes the file where there is none; of
/// several servers that begin at once, those with another key than the first one's are told.
///
/// # Errors
/// A key that is missing or is not this database's.
pub(super) async fn settled(
    file: &Path,
    opening: Opening,
    store: &DynStore,
    entropy: &dyn Entropy,
) -> Result<MasterKey, Failure> {
    let kept = store.master_key_check().await?;
    let ring = store.signing_keys().await?;
    let begun = kept.is_some() || !ring.keys().is_empty();
    let master = if opening.begins() && !begun {
        make_folder_of(file)?;
        load_or_create_master_key(file, entropy)?
    } else {
        load(file, begun)?
    };
    let kept = match kept {
        Some(kept) => kept,
        None => {
            // Begun by a version that kept no check value: what it sealed is the proof.
            if !ring.keys().is_empty() {
                TokenKeys::open(&master, &ring, ISSUER).map_err(|_| anothers(file))?;
            }
            if !opening.begins() {
                return Ok(master);
            }
            store.keep_master_key_check(&master.check_value()).await?
        }
    };
    if master.has_check_value(&kept) { Ok(master) } else { Err(anothers(file)) }
}

fn load(file: &Path, begun: bool) -> Result<MasterKey, Failure> {
    load_master_key(file).map_err(|error| match error {
        KeyFileError::Unreadable { path, source } if begun && source.kind() == ErrorKind::NotFound => {
            Failure::new(format!(
                "there is no master key at {}, and the database was begun with one: copy the file of another server of the \
                 installation, or its backup, to this place, or name it with --master-key-file",
                path.display()
            ))
        }
        error => error.into(),
    })
}

fn anothers(file: &Path) -> Failure {
    Failure::new(format!(
        "the master key in {} is not the one this database was begun with, it belongs to another installation: copy the \
         file of another server of this one, or its backup, to this place, or name it with --master-key-file",
        file.display()
    ))
}

#[cfg(test)]
mod tests {
    use std::{fs, path::PathBuf, sync::Arc};

    use crypto::SystemEntropy;
    use store_memory::MemoryStore;

    use super::*;
    use crate::{clock::SystemClock, compose::keys::seal_new_signing_key};

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

        async fn open(&self, opening: Opening, store: &DynStore) -> Result<MasterKey, String> {
            let opened = settled(&self.file(), opening, store, &SystemEntropy::new()).await;
            opened.map_err(|failure| failure.to_string())
        }
    }

    fn database() -> Arc<DynStore> {
        Arc::new(MemoryStore::new(Arc::new(SystemClock)))
    }

    #[tokio::test]
    async fn a_second_machine_makes_no_key_of_its_own_and_is_told_to_copy_the_first_ones() {
        let (store, one, other) = (database(), Machine::new(), Machine::new());
        let key = one.open(Opening::Server, &*store).await.unwrap();
        let told = other.open(Opening::Server, &*store).await.unwrap_err();
        assert!(told.contains("copy the file of another server"), "{told}");
        assert!(told.contains(other.file().to_str().unwrap()), "{told}");
        assert!(!other.file().exists());
        fs::create_dir_all(other.file().parent().unwrap()).unwrap();
        fs::copy(one.file(), other.file()).unwrap();
        assert_eq!(other.open(Opening::Server, &*store).await.unwrap().to_text(), key.to_text());
    }

    #[tokio::test]
    async fn another_master_key_is_refused_by_servers_and_commands_and_the_file_is_named() {
        let (store, one, other) = (database(), Machine::new(), Machine::new());
        one.open(Opening::Server, &*store).await.unwrap();
        other.open(Opening::Server, &*database()).await.unwrap();
        for opening in [Opening::Server, Opening::ServerWithoutMigration, Opening::Founder, Opening::Tool] {
            let told = other.open(opening, &*store).await.unwrap_err();
            assert!(told.contains("is not the one this database was begun with"), "{told}");
            assert!(told.contains(other.file().to_str().unwrap()), "{told}");
        }
    }

    #[tokio::test]
    async fn of_machines_that_begin_at_once_with_keys_of_their_own_one_is_right() {
        let store = database();
        let machines: Vec<_> = (0..8)
            .map(|_| {
                let store = Arc::clone(&store);
                tokio::spawn(async move { Machine::new().open(Opening::Server, &*store).await.is_ok() })
            })
            .collect();
        let mut right = 0;
        for machine in machines {
            right += usize::from(machine.await.unwrap());
        }
        assert_eq!(right, 1);
    }

    #[tokio::test]
    async fn an_installation_that_was_begun_before_there_were_check_values_is_proved_by_what_it_sealed() {
        let (store, one, other) = (database(), Machine::new(), Machine::new());
        let entropy = SystemEntropy::new();
        one.open(Opening::Server, &*database()).await.unwrap();
        other.open(Opening::Server, &*database()).await.unwrap();
        let key = load_master_key(&one.file()).unwrap();
        let sealed = seal_new_signing_key(&key, &entropy, kernel::Clock::now(&SystemClock));
        store.add_first_signing_key(&sealed).await.unwrap();
        assert!(other.open(Opening::Server, &*store).await.is_err());
        assert_eq!(store.master_key_check().await.unwrap(), None, "a wrong key leaves no trace");
        one.open(Opening::Tool, &*store).await.unwrap();
        assert_eq!(store.master_key_check().await.unwrap(), None, "a command only looks");
        one.open(Opening::Server, &*store).await.unwrap();
        assert_eq!(store.master_key_check().await.unwrap(), Some(key.check_value()));
    }
}
