//! The state of writers as it is stored, with a tag that only the installation's key makes.

use audit::{RowKey, tables::WriterRow};
use kernel::{Timestamp, Ulid};

use crate::bytes::{Unread, put_number};

const TAG_LENGTH: usize = 32;

/// Makes the row of a state.
pub(crate) fn to_row(writer: Ulid, mut state: Vec<u8>, key: &dyn RowKey) -> WriterRow {
    let tag = key.tag(&message(writer, &state));
    state.extend_from_slice(&tag);
    WriterRow { writer, state }
}

/// Returns the state in a row; `None` if its tag is not that of this installation.
pub(crate) fn from_row<'row>(row: &'row WriterRow, key: &dyn RowKey) -> Option<&'row [u8]> {
    let (state, tag) = row.state.split_at_checked(row.state.len().checked_sub(TAG_LENGTH)?)?;
    key.verify(&message(row.writer, state), tag).then_some(state)
}

fn message(writer: Ulid, state: &[u8]) -> Vec<u8> {
    [b"novantra/audit-writer-state".as_slice(), &writer.to_bytes(), state].concat()
}

pub(crate) fn put_time(bytes: &mut Vec<u8>, at: Timestamp) {
    // Times before 1970 are those of a clock that is wrong.
    put_number(bytes, u64::try_from(at.millis()).unwrap_or(0));
}

pub(crate) fn time(unread: &mut Unread<'_>) -> Option<Timestamp> {
    i64::try_from(unread.number()?).ok().map(Timestamp::from_millis)
}
