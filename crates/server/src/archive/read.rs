//! Reading of a backup file, whose contents are untrusted.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Component, Path},
};

use tar::{Archive, Entry};

use super::{ATTACHMENTS, DATABASE, DIGEST, FORMAT, MANIFEST, Manifest, digest::Digest};
use crate::failure::{Context as _, Failure};

/// Maximum size in bytes that is read of the manifest and of the digest.
const SHORT: u64 = 64 * 1024;

/// A backup that was unpacked and whose digest is right.
#[derive(Debug)]
pub(crate) struct Unpacked {
    pub(crate) manifest: Manifest,
    /// Number of attachments.
    pub(crate) attachments: u64,
}

/// The state of reading a backup.
struct Reader<'f> {
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
    let mut reader = Reader {
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
        let entry = entry.or_fail(|| reader.where_it_ends())?;
        reader.take(entry)?;
    }
    match reader {
        Reader { manifest: Some(manifest), has_database: true, ended: true, files, .. } => {
            Ok(Unpacked { manifest, attachments: files })
        }
        Reader { manifest: None, .. } => Err(no_backup()),
        _ => Err(Failure::new("the backup is truncated: its end is missing")),
    }
}

impl Reader<'_> {
    fn take(&mut self, mut entry: Entry<'_, impl Read>) -> Result<(), Failure> {
        let name = name(&entry)?;
        if self.ended {
            return Err(Failure::new(format!("the entry {name} follows the end of the backup")));
        }
        if (self.manifest.is_none()) != (name == MANIFEST) {
            return Err(no_backup());
        }
        if !entry.header().entry_type().is_file() {
            return Err(Failure::new(format!("the entry {name} is not a regular file")));
        }
        let length = entry.size();
        if name == DIGEST {
            return self.end(&short(entry, &name)?);
        }
        self.digest.begin(&name, length);
        match name.as_str() {
            MANIFEST => {
                let text = short(self.digest.tee(entry), &name)?;
                self.manifest = Some(manifest(&text)?);
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
            fs::create_dir_all(folder).or_fail(doing)?;
        }
        let mut file = File::create_new(to).or_fail(doing)?;
        let mut content = self.digest.tee(content);
        io::copy(&mut content, &mut file).or_fail(|| format!("can't unpack {name}"))?;
        if content.length < length {
            return Err(cut_off(name));
        }
        file.sync_all().or_fail(doing)
    }

    /// Compares the digest of the entries read with the one in the backup.
    fn end(&mut self, digest: &[u8]) -> Result<(), Failure> {
        self.ended = true;
        if self.digest.clone().text().as_bytes() == digest {
            return Ok(());
        }
        Err(Failure::new("the backup is damaged: its contents do not match its digest"))
    }

    fn where_it_ends(&self) -> String {
        if self.manifest.is_none() { no_backup().to_string() } else { "the backup is damaged or truncated".to_owned() }
    }
}

fn short(content: impl Read, name: &str) -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    content.take(SHORT).read_to_end(&mut text).or_fail(|| format!("can't unpack {name}"))?;
    Ok(text)
}

fn manifest(text: &[u8]) -> Result<Manifest, Failure> {
    // The format is checked first, because other formats may have other members.
    let value: serde_json::Value = serde_json::from_slice(text).map_err(|_| no_backup())?;
    match value.get("format").and_then(serde_json::Value::as_u64) {
        Some(FORMAT) => serde_json::from_value(value).map_err(|_| no_backup()),
        Some(other) => Err(Failure::new(format!("the backup has format {other}, but this program reads {FORMAT}"))),
        None => Err(no_backup()),
    }
}

/// Returns the name of an entry, a relative path without `..`.
fn name(entry: &Entry<'_, impl Read>) -> Result<String, Failure> {
    let bytes = entry.path_bytes();
    let name = std::str::from_utf8(&bytes).map_err(|_| no_backup())?;
    let is_normal = |component| matches!(component, Component::Normal(_));
    if name.is_empty() || name.contains('\0') || !Path::new(name).components().all(is_normal) {
        return Err(Failure::new(format!("the entry {name:?} leads out of its folder")));
    }
    Ok(name.to_owned())
}

fn no_backup() -> Failure {
    Failure::new("the file is not a Novantra backup")
}

fn cut_off(name: &str) -> Failure {
    Failure::new(format!("the backup is truncated within {name}"))
}
