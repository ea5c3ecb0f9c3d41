//! The texts that a form was opened with. The form carries their digests, so that what a person changed can be
//! distinguished from what others stored meanwhile.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use sha2::{Digest as _, Sha256};

use super::{
    References, Register, Row,
    form_text::shown_text,
    typed::{field_name, shown},
};
use crate::{words::label, zone::Zone};

/// The texts of a form, brought together with the values that others stored since it was opened.
#[derive(Debug)]
pub(crate) struct MergedTexts {
    /// The texts: those that the person changed, and the stored ones of all other fields.
    pub(crate) texts: BTreeMap<String, String>,
    /// The names of the fields that both changed, to different values.
    pub(crate) overlaps: BTreeSet<String>,
    /// The labels of the fields that only others changed.
    pub(crate) changed_by_others: Vec<String>,
}

/// The name of the hidden field with the digest of the text that the field with this name was opened with.
pub(super) fn opened_name(name: &str) -> String {
    format!("opened.{name}")
}

/// The digest of a text, which is the same after a browser has sent the text: it changes the line ends of areas.
pub(super) fn digest(text: &str) -> String {
    let digest = Sha256::digest(text.replace("\r\n", "\n").trim());
    digest.iter().take(8).fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// Brings the texts that were typed together with the stored record, whose references are `references`. A field without a
/// digest counts as changed by both.
pub(crate) fn merge_stored(
    register: &Register,
    stored: &Row,
    references: &References,
    zone: &Zone,
    typed: &BTreeMap<String, String>,
) -> MergedTexts {
    let mut merged = MergedTexts { texts: typed.clone(), overlaps: BTreeSet::new(), changed_by_others: Vec::new() };
    for index in shown(register, true) {
        let name = field_name(register, index);
        let now = shown_text(register, stored, references, zone, index);
        let (digest_now, digest_typed) = (digest(&now), digest(typed.get(&name).map_or("", String::as_str)));
        let opened = merged.texts.insert(opened_name(&name), digest_now.clone());
        let is_stored_changed = opened.as_ref() != Some(&digest_now);
        if opened.as_ref() == Some(&digest_typed) {
            if is_stored_changed {
                merged.changed_by_others.push(label(&register.columns[index]));
            }
            merged.texts.insert(name, now);
        } else if is_stored_changed && digest_typed != digest_now {
            merged.overlaps.insert(name);
        }
    }
    merged
}
