//! Writing of a backup file.

use std::{
    fs::File,
    io::{self, Read, Write},
    path::Path,
};

use tar::{Builder, EntryType, Header};

use super::{ATTACHMENTS, DATABASE, DIGEST, MANIFEST, Manifest, digest::Digest};
use crate::failure::{Failure, ResultExt as _};

/// The attachments that a backup contains, one after the other.
pub(crate) trait AttachmentSource {
    /// Returns the next one; `None` at the end.
    ///
    /// # Errors
    /// If it can't be read.
    fn next(&mut self) -> Result<Option<AttachmentFile>, Failure>;
}

/// The bytes of an attachment, with their name in the store of attachments.
pub(crate) struct AttachmentFile {
    pub(crate) name: String,
    pub(crate) length: u64,
    pub(crate) content: Box<dyn Read>,
}

/// The state of writing a backup.
struct BackupWriter<W: Write> {
    tar: Builder<W>,
    digest: Digest,
    seconds: u64,
}

/// Writes a backup of the file `database` and of attachments. `seconds` is the modification time of all entries, in Unix
/// time. Returns the number of attachments.
///
/// # Errors
/// If a file or an attachment can't be read, or the backup can't be written.
pub(crate) fn pack(
    out: impl Write,
    manifest: &Manifest,
    seconds: u64,
    database: &Path,
    attachments: &mut dyn AttachmentSource,
) -> Result<u64, Failure> {
    let mut writer = BackupWriter { tar: Builder::new(out), digest: Digest::default(), seconds };
    let manifest = serde_json::to_vec_pretty(manifest)?;
    writer.add(MANIFEST, manifest.len() as u64, &*manifest)?;
    writer.add_database(database)?;
    // After the database, so that the backup contains everything that the database refers to.
    let mut files = 0;
    while let Some(AttachmentFile { name, length, content }) = attachments.next()? {
        let name = format!("{ATTACHMENTS}/{name}");
        writer.add(&name, length, content).context(|| format!("can't back up {name}"))?;
        files += 1;
    }
    let digest = writer.digest.clone().into_hex();
    writer.add(DIGEST, digest.len() as u64, digest.as_bytes())?;
    writer.tar.into_inner()?.flush()?;
    Ok(files)
}

impl<W: Write> BackupWriter<W> {
    fn add_database(&mut self, path: &Path) -> Result<(), Failure> {
        let doing = || format!("can't read {}", path.display());
        let file = File::open(path).context(doing)?;
        let length = file.metadata().context(doing)?.len();
        self.add(DATABASE, length, file).context(|| format!("can't write {DATABASE}"))
    }

    fn add(&mut self, name: &str, length: u64, content: impl Read) -> io::Result<()> {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_size(length);
        header.set_mode(0o600);
        header.set_mtime(self.seconds);
        self.digest.start_entry(name, length);
        let mut content = self.digest.tee(content.take(length));
        self.tar.append_data(&mut header, name, &mut content)?;
        if content.length == length {
            Ok(())
        } else {
            Err(io::Error::other("the file was truncated while it was read"))
        }
    }
}
