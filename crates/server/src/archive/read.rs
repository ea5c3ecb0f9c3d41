//! Reading a backup, which anybody may have made.

use std::{
    fs::{self, File},
    io::{self, Read},
    path::{Component, Path},
};

use tar::{Archive, Entry};

use super::{ATTACHMENTS, DATABASE, DIGEST, FORMAT, MANIFEST, Manifest, digest::Digest};
use crate::failure::{Context as _, Failure};

/// How long the manifest and the digest may be.
const SHORT: u64 = 64 * 1024;

/// A backup that was unpacked and found whole.
#[derive(Debug)]
pub(crate) struct Unpacked {
    pub(crate) manifest: Manifest,
    /// How many files the folder of attachments has.
    pub(crate) attachments: u64,
}

/// Where a backup is at.
struct Reader<'f> {
    database: &'f Path,
    attachments: &'f Path,
    digest: Digest,
    manifest: Option<Manifest>,
    has_database: bool,
    files: u64,
    ended: bool,
}

/// Unpacks a backup to this file and this folder, neither of which is there.
///
/// # Errors
/// What is wrong with it.
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
        _ => Err(Failure::new("it is cut off: its end is missing")),
    }
}

impl Reader<'_> {
    fn take(&mut self, mut entry: Entry<'_, impl Read>) -> Result<(), Failure> {
        let name = name(&entry)?;
        if self.ended {
            return Err(Failure::new(format!("{name} stands after its end")));
        }
        if (self.manifest.is_none()) != (name == MANIFEST) {
            return Err(no_backup());
        }
        if !entry.header().entry_type().is_file() {
            return Err(Failure::new(format!("{name} in it is no plain file")));
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
                Some(place) => {
                    self.files += 1;
                    self.write(&mut entry, &name, length, &self.attachments.join(place))
                }
                None => Err(Failure::new(format!("{name} in it is nothing this program knows"))),
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

    /// Holds what was read to what was written.
    fn end(&mut self, digest: &[u8]) -> Result<(), Failure> {
        self.ended = true;
        if self.digest.clone().text().as_bytes() == digest {
            return Ok(());
        }
        Err(Failure::new("it is damaged: its contents are not those that were written"))
    }

    fn where_it_ends(&self) -> String {
        if self.manifest.is_none() { no_backup().to_string() } else { "it is damaged or cut off".to_owned() }
    }
}

fn short(content: impl Read, name: &str) -> Result<Vec<u8>, Failure> {
    let mut text = Vec::new();
    content.take(SHORT).read_to_end(&mut text).or_fail(|| format!("can't unpack {name}"))?;
    Ok(text)
}

fn manifest(text: &[u8]) -> Result<Manifest, Failure> {
    // The form first: of another one, nothing else is known.
    let said: serde_json::Value = serde_json::from_slice(text).map_err(|_| no_backup())?;
    match said.get("format").and_then(serde_json::Value::as_u64) {
        Some(FORMAT) => serde_json::from_value(said).map_err(|_| no_backup()),
        Some(other) => Err(Failure::new(format!("it has format {other}, and this program reads {FORMAT}"))),
        None => Err(no_backup()),
    }
}

/// The name of an entry, which leads nowhere but down.
fn name(entry: &Entry<'_, impl Read>) -> Result<String, Failure> {
    let bytes = entry.path_bytes();
    let name = std::str::from_utf8(&bytes).map_err(|_| no_backup())?;
    let plain = |component| matches!(component, Component::Normal(_));
    if name.is_empty() || name.contains('\0') || !Path::new(name).components().all(plain) {
        return Err(Failure::new(format!("{name:?} in it leads out of its folder")));
    }
    Ok(name.to_owned())
}

fn no_backup() -> Failure {
    Failure::new("it is no backup of novantra")
}

fn cut_off(name: &str) -> Failure {
    Failure::new(format!("it is cut off in {name}"))
}
