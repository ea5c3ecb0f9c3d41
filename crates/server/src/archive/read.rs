//! Reading of a backup file, whose contents are untrusted.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Component, Path},
};

use tar::{Archive, Entry};

use super::{ATTACHMENTS, DATABASE, DIGEST, FORMAT, MANIFEST, Manifest, digest::Digest};
use crate::failure::{Failure, ResultExt as _};

/// Maximum size in bytes that is read of the manifest and of the digest.
const MAX_METADATA_BYTES: u64 = 64 * 1024;

/// A backup that was unpacked and whose digest is right.
#[derive(Debug)]
pub(crate) struct Unpacked {
    pub(crate) manifest: Manifest,
    /// Number of attachments.
    pub(crate) attachments: u64,
}

/// The state of reading a backup.
struct BackupReader<'f> {
    database: &'f Path,
    attachments: &'f Path,
    digest: Digest,
    manifest: Option<Manifest>,
    has_database: bool,
    files: u64,
    ended: bool,
}

/// Unpacks a backup to the file `database` and the folder `attachments`, neither of which may exist.
///
/// # Errors
/// If the file is not a backup, has another format, is truncated or damaged, or contains an entry that is not allowed;
/// if a file can't be written.
pub(crate) fn unpack(from: impl Read, database: &Path, attachments: &Path) -> Result<Unpacked, Failure> {
    let mut reader = BackupReader {
        database,
        attachments,
        digest: Digest::default(),
        manifest: None,
        has_database: false,
        files: 0,
        ended: false,
    };
    let mut archive = Archive::new(from);
    for entry in archive.entries()? {
        let entry = entry.context(|| reader.truncation_message())?;
        reader.read_entry(entry)?;
    }
    match reader {
        BackupReader { manifest: Some(manifest), has_database: true, ended: true, files, .. } => {
            Ok(Unpacked { manifest, attachments: files })
        }
        BackupReader { manifest: None, .. } => Err(not_a_backup()),
        _ => Err(Failure::new("the backup is truncated: its end is missing")),
    }
}

impl BackupReader<'_> {
    fn read_entry(&mut self, mut entry: Entry<'_, impl Read>) -> Result<(), Failure> {
        let name = entry_name(&entry)?;
        if self.ended {
            return Err(Failure::new(format!("the entry {name} follows the end of the backup")));
        }
        if (self.manifest.is_none()) != (name == MANIFEST) {
            return Err(not_a_backup());
        }
        if !entry.header().entry_type().is_file() {
            return Err(Failure::new(format!("the entry {name} is not a regular file")));
        }
        let length = entry.size();
        if name == DIGEST {
            return self.verify_digest(&read_metadata(entry, &name)?);
        }
        self.digest.start_entry(&name, length);
        match name.as_str() {
            MANIFEST => {
                let text = read_metadata(self.digest.tee(entry), &name)?;
                self.manifest = Some(parse_manifest(&text)?);
                Ok(())
            }
            DATABASE => {
                self.has_database = true;
                self.write(&mut entry, &name, length, self.database)
            }
            _ => match name.strip_prefix(ATTACHMENTS).and_then(|rest| rest.strip_prefix('/')) {
                Some(path) => {
                    self.files += 1;
                    self.write(&mut entry, &name, length, &self.attachments.join(path))
                }
                None => Err(Failure::new(format!("the entry {name} is unknown to this program"))),
            },
        }
    }

    fn write(&mut self, content: &mut impl Read, name: &str, length: u64, to: &Path) -> Result<(), Failure> {
        let doing = || format!("can't write {}", to.display());
        if let Some(folder) = to.parent() {
            create_folder(folder).context(doing)?;
        }
        let mut file = create_file(to).context(doing)?;
        let mut content = self.digest.tee(content);
        io::copy(&mut content, &mut file).context(|| format!("can't unpack {name}"))?;
        if content.length < length {
            return Err(truncated(name));
        }
        file.sync_all().context(doing)
    }

    /// Compares the digest of the entries read with the one in the backup.
    fn verify_digest(&mut self, digest: &[u8]) -> Result<(), Failure> {
        self.ended = true;
        if self.digest.clone().into_hex().as_bytes() == digest {
            return Ok(());
        }
        Err(Failure::new("the backup is damaged: its contents do not match its digest"))
    }

    fn truncation_message(&self) -> String {
        if self.manifest.is_none() {
            not_a_backup().to_string()
        } else {
            "the backup is damaged or truncated".to_owned()
        }
    }
}

/// Creates a folder, and those above it, that only the owner can use.
fn create_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(folder)
}

/// Creates a file that only the owner can use, and that must not exist.
fn create_file(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.write(true).create_new(true).open(path)
}

fn read_metadata(content: impl Read, name: &str) -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    content.take(MAX_METADATA_BYTES).read_to_end(&mut text).context(|| format!("can't unpack {name}"))?;
    Ok(text)
}

fn parse_manifest(text: &[u8]) -> Result<Manifest, Failure> {
    // The format is checked first, because other formats may have other members.
    let value: serde_json::Value = serde_json::from_slice(text).map_err(|_| not_a_backup())?;
    match value.get("format").and_then(serde_json::Value::as_u64) {
        Some(FORMAT) => serde_json::from_value(value).map_err(|_| not_a_backup()),
        Some(other) => Err(Failure::new(format!("the backup has format {other}, but this program reads {FORMAT}"))),
        None => Err(not_a_backup()),
    }
}

/// Returns the name of an entry, a relative path without `..`.
fn entry_name(entry: &Entry<'_, impl Read>) -> Result<String, Failure> {
    let bytes = entry.path_bytes();
    let name = std::str::from_utf8(&bytes).map_err(|_| not_a_backup())?;
    let is_normal = |component| matches!(component, Component::Normal(_));
    if name.is_empty() || name.contains('\0') || !Path::new(name).components().all(is_normal) {
        return Err(Failure::new(format!("the entry {name:?} leads out of its folder")));
    }
    Ok(name.to_owned())
}

fn not_a_backup() -> Failure {
    Failure::new("the file is not a Novantra backup")
}

fn truncated(name: &str) -> Failure {
    Failure::new(format!("the backup is truncated within {name}"))
}
