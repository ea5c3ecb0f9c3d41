//! Writing of a backup file.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::Path,
};

use tar::{Builder, EntryType, Header};

use super::{ATTACHMENTS, DATABASE, DIGEST, MANIFEST, Manifest, digest::Digest};
use crate::failure::{Failure, ResultExt as _};

/// The state of writing a backup.
struct BackupWriter<W: Write> {
    tar: Builder<W>,
    digest: Digest,
    seconds: u64,
}

/// Writes a backup of the file `database` and the folder `attachments`, which need not exist. `seconds` is the
/// modification time of all entries, in Unix time. Returns the number of attachments.
///
/// # Errors
/// If a file can't be read or written, or the folder contains something other than files and folders.
pub(crate) fn pack(
    out: impl Write,
    manifest: &Manifest,
    seconds: u64,
    database: &Path,
    attachments: &Path,
) -> Result<u64, Failure> {
    let mut writer = BackupWriter { tar: Builder::new(out), digest: Digest::default(), seconds };
    let manifest = serde_json::to_vec_pretty(manifest)?;
    writer.add(MANIFEST, manifest.len() as u64, &*manifest)?;
    writer.add_file(DATABASE, database)?;
    // After the database, so that the backup contains every file that the database refers to.
    let files = for_each_file(attachments, &mut |name, file| writer.add_file(&format!("{ATTACHMENTS}/{name}"), file))?;
    let digest = writer.digest.clone().into_hex();
    writer.add(DIGEST, digest.len() as u64, digest.as_bytes())?;
    writer.tar.into_inner()?.flush()?;
    Ok(files)
}

impl<W: Write> BackupWriter<W> {
    fn add_file(&mut self, name: &str, path: &Path) -> Result<(), Failure> {
        let doing = || format!("can't read {}", path.display());
        let file = match File::open(path) {
            // The file was removed after the folder was listed; no record refers to it any more.
            Err(error) if error.kind() == io::ErrorKind::NotFound && name != DATABASE => return Ok(()),
            file => file.context(doing)?,
        };
        let length = file.metadata().context(doing)?.len();
        self.add(name, length, file).context(|| format!("can't write {name}"))
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

/// Calls `add` with the relative path and the path of each file below a folder, which need not exist. Returns the
/// number of files.
fn for_each_file(folder: &Path, add: &mut dyn FnMut(&str, &Path) -> Result<(), Failure>) -> Result<u64, Failure> {
    match fs::symlink_metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        _ => visit_folder(folder, "", add),
    }
}

fn visit_folder(
    folder: &Path,
    prefix: &str,
    add: &mut dyn FnMut(&str, &Path) -> Result<(), Failure>,
) -> Result<u64, Failure> {
    let doing = || format!("can't read the folder {}", folder.display());
    let mut files = 0;
    for entry in fs::read_dir(folder).context(doing)? {
        let entry = entry.context(doing)?;
        let path = entry.path();
        let unsupported = || {
            Failure::new(format!(
                "{} can't be backed up: it is not a regular file, or its name is not UTF-8",
                path.display()
            ))
        };
        let name = format!("{prefix}{}", entry.file_name().to_str().ok_or_else(unsupported)?);
        let kind = entry.file_type().context(doing)?;
        if kind.is_dir() {
            files += visit_folder(&path, &format!("{name}/"), add)?;
        } else if kind.is_file() {
            add(&name, &path)?;
            files += 1;
        } else {
            return Err(unsupported());
        }
    }
    Ok(files)
}
