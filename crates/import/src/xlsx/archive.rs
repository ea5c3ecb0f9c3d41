//! The archive of a workbook, which is unpacked once, without keeping anything, to see what it unpacks to.

use std::io::{self, Read, Seek, SeekFrom};

use zip::{ZipArchive, result::ZipError};

use super::markup::Markup;
use crate::table::TableError;

/// The most parts of an archive.
const MAX_PARTS: u64 = 10_000;

/// The maximum size of all parts when they are unpacked, in bytes, if the caller sets no lower one.
pub(super) const MAX_UNPACKED: u64 = 4 * 1024 * 1024 * 1024;

/// The maximum size of the shared texts, which are in memory.
const MAX_SHARED_TEXTS: u64 = 256 * 1024 * 1024;

/// The maximum size of any other part than a sheet. It is in memory, in a form that is larger.
const MAX_OTHER_PART: u64 = 16 * 1024 * 1024;

/// The maximum ratio between the sizes of a part, unpacked and packed, if it is larger than [`MIN_SUSPICIOUS`].
const MAX_RATIO: u64 = 250;
const MIN_SUSPICIOUS: u64 = 16 * 1024 * 1024;

/// The maximum size of a part that is no markup, such as a picture.
const MAX_MEDIA: u64 = 64 * 1024 * 1024;

/// The first bytes of the older container format, which old and encrypted workbooks have.
const COMPOUND_FILE: [u8; 8] = [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];

/// Checks that the file is a workbook, and that it unpacks to at most `max_unpacked` bytes.
///
/// # Errors
/// [`TableError`] with the reason why it can't be read, or is refused.
pub(super) fn check(file: &mut (impl Read + Seek), max_unpacked: u64) -> Result<(), TableError> {
    check_start(file)?;
    check_parts(stated_parts(file)?)?;
    file.rewind()?;
    let mut archive = ZipArchive::new(&mut *file).map_err(damaged)?;
    check_parts(u64::try_from(archive.len()).unwrap_or(u64::MAX))?;
    let names: Vec<String> = archive.file_names().filter_map(|name| Some(name.ok()?.into_owned())).collect();
    let has = |part: &str| names.iter().any(|name| name == part);
    if has("content.xml") && has("mimetype") {
        return Err(TableError::refused("the file is an OpenDocument spreadsheet (.ods): save it as .xlsx or CSV"));
    }
    if has("xl/workbook.bin") {
        return Err(TableError::refused("the file is a binary workbook (.xlsb): save it as .xlsx"));
    }
    if !has("_rels/.rels") || !has("[Content_Types].xml") {
        return Err(TableError::refused("the file is a ZIP archive, but no workbook"));
    }
    let mut total = 0;
    for index in 0..archive.len() {
        let mut part = archive.by_index(index).map_err(damaged)?;
        let name = part.name().map_err(damaged)?.into_owned();
        let (packed, mut unpacked) = (part.compressed_size(), Unpacked::new(&name, max_unpacked, total));
        unpacked.read(&mut part, packed)?;
        total += unpacked.length;
    }
    Ok(())
}

fn check_parts(parts: u64) -> Result<(), TableError> {
    if parts <= MAX_PARTS {
        return Ok(());
    }
    Err(TableError::refused(format!(
        "the workbook has {parts} parts, and at most {MAX_PARTS} are read: save it again without pictures and attachments"
    )))
}

/// The number of parts by the end of the archive, before the list of them is read, which is in memory; zero if the end is
/// damaged.
fn stated_parts(file: &mut (impl Read + Seek)) -> io::Result<u64> {
    const END: &[u8] = b"PK\x05\x06";
    const LARGE_END_LOCATOR: &[u8] = b"PK\x06\x07";
    const LARGE_END: &[u8] = b"PK\x06\x06";
    /// The longest end: the locator of that of a large archive, the end itself, and a comment.
    const MAX_END_LENGTH: u64 = 20 + 22 + 65_535;
    let length = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(length.saturating_sub(MAX_END_LENGTH)))?;
    let mut tail = Vec::new();
    file.by_ref().take(MAX_END_LENGTH).read_to_end(&mut tail)?;
    let Some(end) = tail.windows(END.len()).rposition(|window| window == END) else { return Ok(0) };
    let stated = little_endian(&tail, end + 10, 2);
    let locator =
        end.checked_sub(20).filter(|start| tail.get(*start..).is_some_and(|tail| tail.starts_with(LARGE_END_LOCATOR)));
    let Some(locator) = locator else { return Ok(stated) };
    if file.seek(SeekFrom::Start(little_endian(&tail, locator + 8, 8))).is_err() {
        return Ok(stated);
    }
    let mut large_end = Vec::new();
    file.by_ref().take(56).read_to_end(&mut large_end)?;
    Ok(if large_end.starts_with(LARGE_END) { little_endian(&large_end, 32, 8) } else { stated })
}

/// The number in these bytes; zero if there are fewer.
fn little_endian(bytes: &[u8], start: usize, length: usize) -> u64 {
    let bytes = bytes.get(start..start + length).unwrap_or_default();
    bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Refuses other formats by the start of the file.
fn check_start(file: &mut (impl Read + Seek)) -> Result<(), TableError> {
    let mut start = [0; 8];
    file.seek(SeekFrom::Start(0))?;
    let length = read_start(file, &mut start)?;
    file.seek(SeekFrom::Start(0))?;
    let start = start.get(..length).unwrap_or_default();
    if start.is_empty() {
        return Err(TableError::refused("the file is empty"));
    }
    if start == COMPOUND_FILE {
        let is_encrypted = has_encrypted_package(file)?;
        file.seek(SeekFrom::Start(0))?;
        return Err(TableError::refused(if is_encrypted {
            "the workbook is encrypted with a password: save it without one"
        } else {
            "the file is a workbook of an old version of Excel (.xls): save it as .xlsx"
        }));
    }
    if !start.starts_with(b"PK") {
        return Err(TableError::refused(
            "the file is no workbook (.xlsx): if it is a table in text, use `novantra import csv`; if it is a web page with the \
             name of a workbook, open it and save it as .xlsx",
        ));
    }
    Ok(())
}

fn read_start(file: &mut impl Read, start: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while let Some(rest) = start.get_mut(length..).filter(|rest| !rest.is_empty()) {
        match file.read(rest)? {
            0 => break,
            read => length += read,
        }
    }
    Ok(length)
}

/// Whether a compound file names the part that an encrypted workbook is in.
fn has_encrypted_package(file: &mut impl Read) -> io::Result<bool> {
    const MAX_SEARCHED: u64 = 64 * 1024 * 1024;
    let name: Vec<u8> = "EncryptedPackage".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut bytes = Vec::new();
    file.take(MAX_SEARCHED).read_to_end(&mut bytes)?;
    Ok(bytes.windows(name.len()).any(|window| window == name))
}

pub(super) fn damaged(error: ZipError) -> TableError {
    match error {
        ZipError::Io(error) if error.kind() != io::ErrorKind::UnexpectedEof => TableError::Io(error),
        ZipError::InvalidPassword => {
            TableError::refused("a part of the workbook is encrypted: save it without a password")
        }
        error => TableError::refused(format!("the workbook is cut off or damaged: {error}")),
    }
}

/// The unpacked content of a part, which is measured and not kept.
struct Unpacked<'n> {
    name: &'n str,
    length: u64,
    /// The maximum size of the part.
    limit: u64,
    /// The maximum size of all parts, and the size of those before this one.
    max_all: u64,
    before: u64,
    markup: Option<Markup>,
}

impl<'n> Unpacked<'n> {
    fn new(name: &'n str, max_all: u64, before: u64) -> Self {
        // The reader of workbooks finds parts in any case, and with either slash.
        let folded = name.to_lowercase().replace('\\', "/");
        let own = folded.rsplit('/').next().unwrap_or(&folded);
        let is_markup = own.ends_with(".xml") || own.ends_with(".rels");
        let limit = match own {
            _ if !is_markup => MAX_MEDIA,
            "sharedstrings.xml" => MAX_SHARED_TEXTS,
            _ if own.ends_with(".xml") && own != "styles.xml" && folded.contains("worksheets/") => max_all,
            _ => MAX_OTHER_PART,
        };
        Self { name, length: 0, limit, max_all, before, markup: is_markup.then(Markup::new) }
    }

    fn read(&mut self, part: &mut impl Read, packed: u64) -> Result<(), TableError> {
        let mut buffer = [0; 64 * 1024];
        loop {
            let read = match part.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(read) => read,
                Err(error) => {
                    return Err(TableError::refused(format!(
                        "the workbook is cut off or damaged: its part {} can't be unpacked: {error}",
                        self.name
                    )));
                }
            };
            let bytes = buffer.get(..read).unwrap_or_default();
            self.length += u64::try_from(read).unwrap_or(u64::MAX);
            if self.length > self.limit {
                return Err(self.refused(&format!("unpacks to more than {} MiB", self.limit / 1024 / 1024)));
            }
            if self.before + self.length > self.max_all {
                return Err(TableError::refused(format!(
                    "the workbook unpacks to more than {} MiB: import the table as CSV, or in parts",
                    self.max_all / 1024 / 1024
                )));
            }
            if self.length > MIN_SUSPICIOUS && self.length / packed.max(1) > MAX_RATIO {
                return Err(
                    self.refused(&format!("unpacks to more than {MAX_RATIO} times its size, as an attack does"))
                );
            }
            if let Some(Err(reason)) = self.markup.as_mut().map(|markup| markup.add(bytes)) {
                return Err(self.refused(&reason));
            }
        }
    }

    fn refused(&self, message: &str) -> TableError {
        TableError::refused(format!("the part {} of the workbook {message}: import the table as CSV", self.name))
    }
}
