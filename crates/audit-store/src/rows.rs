//! The rows that entries are first stored in: the entries of one trip to the database, of one or several organizations,
//! with the number that the process that wrote it gave it, and a tag that only the installation's key makes.

use std::{collections::BTreeMap, ops::RangeInclusive};

use audit::{
    RowKey,
    tables::{WaitingKey, WaitingRow},
};
use kernel::{Entry, OrganizationId, Timestamp, Ulid};
use sha2::{Digest as _, Sha256};

use crate::{
    bytes::{Unread, put_number, put_ranges, put_ulid},
    number_ranges::MAX_RANGES,
};

const MAGIC: &[u8; 4] = b"NVAW";
const VERSION: u8 = 1;
const IS_LAST: u8 = 1;
const IS_STORED: u8 = 2;
const IS_REPEATED: u8 = 4;
const IS_SET_ASIDE: u8 = 8;
/// The position of the flags in a body.
const FLAGS: usize = 5;
const TAG_LENGTH: usize = 32;

/// The number of entries from which on they are compressed.
const COMPRESSED_FROM: usize = 4;

/// The fastest level that finds what entries have in common.
const LEVEL: i32 = 1;

/// Maximum number of bytes of the entries of a row before they are compressed.
pub(crate) const MAX_UNPACKED: usize = 64 << 20;

/// The reason that a row was not written by this installation as it is, or can't be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RowFault(pub String);

/// The attempt to store its entries that a row is. The tag covers it: nobody can make a first attempt a further one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RowAttempt {
    /// The first one: its number was not seen before.
    #[default]
    First,
    /// A further one by the process that wrote it, after an attempt with an unknown outcome.
    Repeated,
    /// The rest that the sealer has left of a row whose number it has seen: entries of a chain that could not be sealed.
    SetAside,
}

/// A row that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadRow {
    /// The process that wrote it.
    pub writer: Ulid,
    /// The number that the process gave it, from 1 on.
    pub number: u64,
    /// The numbers of rows that the process gave up: they may be stored or not.
    pub given_up: Vec<RangeInclusive<u64>>,
    /// Whether the process writes no row after it.
    pub is_last: bool,
    /// The attempt that the row is.
    pub attempt: RowAttempt,
    /// The entries, by organization.
    pub parts: Vec<(OrganizationId, Vec<Entry>)>,
}

impl ReadRow {
    /// The number of entries.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.parts.iter().map(|(_, entries)| entries.len()).sum()
    }
}

/// The statements of a writer in a row, beside the entries.
pub(crate) struct RowHeader {
    pub(crate) writer: Ulid,
    pub(crate) number: u64,
    pub(crate) given_up: Vec<RangeInclusive<u64>>,
    pub(crate) is_last: bool,
    pub(crate) attempt: RowAttempt,
}

/// The entries of a row, encoded.
pub(crate) struct RowContent {
    key: OrganizationId,
    /// The time of the smallest identifier of an entry.
    at: Timestamp,
    entries: usize,
    /// The parts with their lengths.
    parts: Vec<(OrganizationId, usize)>,
    unpacked: usize,
    is_stored: bool,
    packed: Vec<u8>,
}

impl RowContent {
    /// Encodes entries, of which there is at least one.
    pub(crate) fn of(entries: &[&Entry]) -> Self {
        let mut parts = BTreeMap::<OrganizationId, Vec<&Entry>>::new();
        for entry in entries {
            parts.entry(entry.organization).or_default().push(entry);
        }
        let mut content = Vec::new();
        let mut lengths = Vec::with_capacity(parts.len());
        for (organization, entries) in &parts {
            let run = audit_runs::encode_waiting(*organization, entries);
            lengths.push((*organization, run.len()));
            content.extend_from_slice(&run);
        }
        let unpacked = content.len();
        // Compression fails for want of memory alone; what is not compressed can be read as well.
        let packed = if entries.len() < COMPRESSED_FROM { None } else { zstd::bulk::compress(&content, LEVEL).ok() };
        let smallest = entries.iter().map(|entry| entry.id.ulid()).min().unwrap_or_default();
        Self {
            key: match lengths.as_slice() {
                [(organization, _)] => *organization,
                _ => OrganizationId::INSTALLATION,
            },
            at: ulid_time(smallest),
            entries: entries.len(),
            parts: lengths,
            unpacked,
            is_stored: packed.is_none(),
            packed: packed.unwrap_or(content),
        }
    }

    /// No entries, at this time.
    pub(crate) fn none(at: Timestamp) -> Self {
        Self {
            key: OrganizationId::INSTALLATION,
            at,
            entries: 0,
            parts: Vec::new(),
            unpacked: 0,
            is_stored: true,
            packed: Vec::new(),
        }
    }

    /// The time of the row.
    pub(crate) fn at(&self) -> Timestamp {
        self.at
    }

    /// The numbers of bytes of the entries, as they are stored and before they were compressed.
    pub(crate) fn lengths(&self) -> (usize, usize) {
        (self.packed.len(), self.unpacked)
    }

    /// Makes the row.
    pub(crate) fn into_row(self, header: &RowHeader, key: &dyn RowKey) -> WaitingRow {
        let id = row_id(self.at, header.writer, header.number);
        self.into_row_with_id(id, header, key)
    }

    /// Makes the row with the identifier of another one of which it is a part.
    pub(crate) fn into_row_with_id(self, id: Ulid, header: &RowHeader, key: &dyn RowKey) -> WaitingRow {
        let mut body = Vec::with_capacity(self.packed.len() + 128);
        body.extend_from_slice(MAGIC);
        let flags = if header.is_last { IS_LAST } else { 0 }
            | if self.is_stored { IS_STORED } else { 0 }
            | attempt_flags(header.attempt);
        body.extend_from_slice(&[VERSION, flags]);
        put_ulid(&mut body, header.writer);
        put_number(&mut body, header.number);
        put_ranges(&mut body, header.given_up.iter());
        put_number(&mut body, self.parts.len() as u64);
        let mut offset = 0;
        for (organization, length) in &self.parts {
            put_ulid(&mut body, organization.ulid());
            put_number(&mut body, offset);
            put_number(&mut body, *length as u64);
            offset += *length as u64;
        }
        put_number(&mut body, self.unpacked as u64);
        body.extend_from_slice(&self.packed);
        let row_key = WaitingKey { organization: self.key, id };
        let entries = i64::try_from(self.entries).unwrap_or(i64::MAX);
        let entries = if header.attempt == RowAttempt::First { entries } else { -entries };
        WaitingRow { key: row_key, entries, body: tagged(row_key, body, key) }
    }
}

/// Makes the row of a further attempt of one that was made for the first.
pub(crate) fn repeated(row: &WaitingRow, key: &dyn RowKey) -> WaitingRow {
    let mut body = row.body[..row.body.len() - TAG_LENGTH].to_vec();
    body[FLAGS] |= IS_REPEATED;
    WaitingRow { key: row.key, entries: -row.entries, body: tagged(row.key, body, key) }
}

fn attempt_flags(attempt: RowAttempt) -> u8 {
    match attempt {
        RowAttempt::First => 0,
        RowAttempt::Repeated => IS_REPEATED,
        RowAttempt::SetAside => IS_SET_ASIDE,
    }
}

/// Adds the tag to a body.
fn tagged(row_key: WaitingKey, mut body: Vec<u8>, key: &dyn RowKey) -> Vec<u8> {
    let tag = key.tag(&message(row_key, &body));
    body.extend_from_slice(&tag);
    body
}

/// Reads a row, and verifies its tag if there is a key.
///
/// # Errors
/// [`RowFault`] if the tag is not that of the row, or the row can't be read.
pub fn read_row(row: &WaitingRow, key: Option<&dyn RowKey>) -> Result<ReadRow, RowFault> {
    let fault = |text: &str| RowFault(text.into());
    let length = row.body.len().checked_sub(TAG_LENGTH).ok_or_else(|| fault("it is too short for a row"))?;
    let (body, tag) = row.body.split_at(length);
    if key.is_some_and(|key| !key.verify(&message(row.key, body), tag)) {
        return Err(fault("its tag is not that of this installation"));
    }
    let (read, count) = parse(body)?;
    // The number is not in the tag's message: it must be that of the entries, negated for a further attempt.
    let is_negative = row.entries < 0 || (row.entries == 0 && read.attempt != RowAttempt::First);
    if count != row.entries.unsigned_abs() || is_negative != (read.attempt != RowAttempt::First) {
        return Err(RowFault(format!("it has {count} entries and states {}", row.entries)));
    }
    Ok(read)
}

/// Reads the entries of one organization in a row, as [`read_row`] does; the others are not unpacked if it has none.
pub(crate) fn read_part(
    row: &WaitingRow,
    organization: OrganizationId,
    key: Option<&dyn RowKey>,
) -> Result<Vec<Entry>, RowFault> {
    let end = row.body.len().saturating_sub(TAG_LENGTH);
    let header = parse_header(&row.body[..end]).ok_or_else(|| RowFault("its header is malformed".into()))?;
    if !header.1.iter().any(|(part, _)| *part == organization) {
        return Ok(Vec::new());
    }
    let parts = read_row(row, key)?.parts;
    Ok(parts.into_iter().filter(|(part, _)| *part == organization).flat_map(|(_, entries)| entries).collect())
}

fn parse(body: &[u8]) -> Result<(ReadRow, u64), RowFault> {
    let malformed = || RowFault("its header is malformed".into());
    let (header, directory, packed) = parse_header(body).ok_or_else(malformed)?;
    let content = packed.unpack().ok_or_else(malformed)?;
    let mut parts = Vec::with_capacity(directory.len());
    let mut unread = Unread(&content);
    for (organization, length) in directory {
        let bytes = unread.take(length).ok_or_else(|| RowFault("its entries are cut off".into()))?;
        let (run, entries) = audit_runs::decode(bytes).map_err(|fault| RowFault(fault.to_string()))?;
        if run.organization != organization || run.first_sequence != 0 || entries.is_empty() {
            return Err(RowFault("its entries are not those that its header names".into()));
        }
        parts.push((organization, entries));
    }
    if !unread.0.is_empty() {
        return Err(RowFault("it has bytes that belong to no entry".into()));
    }
    let RowHeader { writer, number, given_up, is_last, attempt } = header;
    let read = ReadRow { writer, number, given_up, is_last, attempt, parts };
    let count = read.entries() as u64;
    Ok((read, count))
}

/// The organizations of a row with the lengths of their parts.
type Directory = Vec<(OrganizationId, usize)>;

/// The entries of a row as they are stored.
struct Packed<'row> {
    bytes: &'row [u8],
    unpacked: usize,
    is_stored: bool,
}

impl Packed<'_> {
    fn unpack(self) -> Option<Vec<u8>> {
        let content = if self.is_stored {
            self.bytes.to_vec()
        } else {
            zstd::bulk::decompress(self.bytes, self.unpacked).ok()?
        };
        (content.len() == self.unpacked).then_some(content)
    }
}

fn parse_header(body: &[u8]) -> Option<(RowHeader, Directory, Packed<'_>)> {
    let mut unread = Unread(body);
    let is_supported = unread.take(4)? == MAGIC && unread.byte()? == VERSION;
    let flags = unread.byte().filter(|_| is_supported)?;
    let attempt = match flags & !(IS_LAST | IS_STORED) {
        0 => RowAttempt::First,
        IS_REPEATED => RowAttempt::Repeated,
        IS_SET_ASIDE => RowAttempt::SetAside,
        _ => return None,
    };
    let writer = unread.ulid()?;
    let number = unread.number().filter(|number| *number > 0)?;
    let given_up = unread.ranges(MAX_RANGES)?;
    let count = unread.length().filter(|count| *count <= body.len())?;
    let mut directory = Directory::with_capacity(count);
    let mut offset = 0;
    for _ in 0..count {
        let organization = OrganizationId::new(unread.ulid()?);
        let (start, length) = (unread.length()?, unread.length()?);
        let ascends = directory.last().is_none_or(|(last, _)| *last < organization);
        if start != offset || !ascends {
            return None;
        }
        offset = offset.checked_add(length)?;
        directory.push((organization, length));
    }
    let unpacked = unread.length().filter(|unpacked| *unpacked == offset && *unpacked <= MAX_UNPACKED)?;
    let packed = Packed { bytes: unread.0, unpacked, is_stored: flags & IS_STORED != 0 };
    let header = RowHeader { writer, number, given_up, is_last: flags & IS_LAST != 0, attempt };
    Some((header, directory, packed))
}

/// The message of a row's tag. A row can't be moved to another key.
fn message(key: WaitingKey, body: &[u8]) -> Vec<u8> {
    [key.organization.ulid().to_bytes().as_slice(), &key.id.to_bytes(), body].concat()
}

/// The identifier of a row. It follows from the row's number: a further attempt has the same one.
fn row_id(at: Timestamp, writer: Ulid, number: u64) -> Ulid {
    Ulid(at.first_ulid().0 | derived_random(b"novantra/audit-row", writer, number))
}

/// 80 bits that only this purpose, writer and number have.
pub(crate) fn derived_random(purpose: &[u8], writer: Ulid, number: u64) -> u128 {
    let digest = Sha256::digest([purpose, writer.to_bytes().as_slice(), &number.to_be_bytes()].concat());
    digest[..10].iter().fold(0, |random, byte| random << 8 | u128::from(*byte))
}

/// The time in an identifier.
pub(crate) fn ulid_time(ulid: Ulid) -> Timestamp {
    Timestamp::from_millis(i64::try_from(ulid.timestamp_ms()).unwrap_or(i64::MAX))
}
