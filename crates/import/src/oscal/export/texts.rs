//! Titles and descriptions, with what an import does not read of them.

use kernel::{Description, Kind, Record, Title};

use super::Losses;
use crate::object::is_blank;

/// The title without blanks at its ends.
pub(super) fn title<R: Record>(title: &Title, losses: &mut Losses) -> String {
    let trimmed = title.as_str().trim();
    if trimmed.len() < title.as_str().len() {
        losses.add(R::KIND, if R::KIND == Kind::Framework { "name" } else { "title" });
    }
    trimmed.to_owned()
}

/// The description. One of blanks alone is read as none.
pub(super) fn description<'d, R: Record>(description: &'d Description, losses: &mut Losses) -> &'d str {
    let text = description.as_str();
    if !text.is_empty() && is_blank(text) {
        losses.add(R::KIND, "description");
    }
    text
}
