//! Writing a backup.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::Path,
};

use tar::{Builder, EntryType, Header};

use super::{ATTACHMENTS, DATABASE, DIGEST, MANIFEST, Manifest, digest::Digest};
use crate::failure::{Context as _, Failure};

/// A backup that is being written.
struct Writer<W: Write> {
    tar: Builder<W>,
    digest: Digest,
    seconds: u64,
}

/// Writes a backup of this database file and this folder, which need not be there. Says how many files the folder has.
///
/// # Errors
/// What can't be read or written.
pub(crate) fn pack(
    out: impl Write,
    manifest: &Manifest,
    seconds: u64,
    database: &Path,
    attachments: &Path,
) -> Result<u64, Failure> {
    let mut writer = Writer { tar: Builder::new(out), digest: Digest::default(), seconds };
    let said = serde_json::to_vec_pretty(manifest)?;
    writer.add(MANIFEST, said.len() as u64, &*said)?;
    writer.add_file(DATABASE, database)?;
    // After the database, so that every file it names is there.
    let files = each_file(attachments, &mut |name, file| writer.add_file(&format!("{ATTACHMENTS}/{name}"), file))?;
    let digest = writer.digest.clone().text();
    writer.add(DIGEST, digest.len() as u64, digest.as_bytes())?;
    writer.tar.into_inner()?.flush()?;
    Ok(files)
}

impl<W: Write> Writer<W> {
    fn add_file(&mut self, name: &str, path: &Path) -> Result<(), Failure> {
        let doing = || format!("can't read {}", path.display());
        let file = match File::open(path) {
            // It was removed since the folder was read, and nothing that is still there names it.
            Err(error) if error.kind() == io::ErrorKind::NotFound && name != DATABASE => return Ok(()),
            opened => opened.or_fail(doing)?,
        };
        let length = file.metadata().or_fail(doing)?.len();
        self.add(name, length, file).or_fail(|| format!("can't write {name}"))
    }

    fn add(&mut self, name: &str, length: u64, content: impl Read) -> io::Result<()> {
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::Regular);
        header.set_size(length);
        header.set_mode(0o600);
        header.set_mtime(self.seconds);
        self.digest.begin(name, length);
        let mut content = self.digest.tee(content.take(length));
        self.tar.append_data(&mut header, name, &mut content)?;
        if content.length == length { Ok(()) } else { Err(io::Error::other("it became shorter while it was read")) }
    }
}

/// Names each file below a folder, if it is there, by its path in it. Says how many there are.
fn each_file(folder: &Path, add: &mut dyn FnMut(&str, &Path) -> Result<(), Failure>) -> Result<u64, Failure> {
    match fs::symlink_metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
        _ => walk(folder, "", add),
    }
}

fn walk(folder: &Path, prefix: &str, add: &mut dyn FnMut(&str, &Path) -> Result<(), Failure>) -> Result<u64, Failure> {
    let doing = || format!("can't read the folder {}", folder.display());
    let mut files = 0;
    for entry in fs::read_dir(folder).or_fail(doing)? {
        let entry = entry.or_fail(doing)?;
        let path = entry.path();
        let strange = || Failure::new(format!("{} can't be backed up: it is no plain file", path.display()));
        let name = format!("{prefix}{}", entry.file_name().to_str().ok_or_else(strange)?);
        let kind = entry.file_type().or_fail(doing)?;
        if kind.is_dir() {
            files += walk(&path, &format!("{name}/"), add)?;
        } else if kind.is_file() {
            add(&name, &path)?;
            files += 1;
        } else {
            return Err(strange());
        }
    }
    Ok(files)
}
