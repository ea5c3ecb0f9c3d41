//! The records that imports refuse although all their fields are valid.

use evidence::EvidenceClaim;
use import::field_name;
use kernel::{AnyRecord as _, Record};

/// Returns why an import can't store this record, in the place of `current` if that is not `None`. A record that is as the
/// stored one is left as it is, whatever it has.
pub(super) fn refusals<R: Record>(current: Option<&R>, record: &R) -> Vec<String> {
    if current == Some(record) {
        return Vec::new();
    }
    let implausible = record.implausible();
    let implausible = implausible.into_iter().map(|(column, message)| format!("{}: {message}", field_name(column)));
    implausible.chain(current.and_then(|current| settled(current, record))).collect()
}

/// Returns why the record is not changed any more, if people have decided about it for good.
fn settled<R: Record>(current: &R, record: &R) -> Option<String> {
    let claim = record.as_any().downcast_ref::<EvidenceClaim>()?;
    let current = current.as_any().downcast_ref::<EvidenceClaim>()?;
    claim.check_import_onto(current).err().map(|error| error.to_string())
}
