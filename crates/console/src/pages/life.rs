//! The lives of records: the steps that their history has, and those that may follow.

use audit::StoredEntry;
use kernel::{FieldValue, Timestamp};

use crate::{components::Step, viewer::Viewer, words::sentence};

/// When the record got this status last, if the history, whose newest entry is the first, says so.
pub(crate) fn entered(history: &[StoredEntry], status: &str) -> Option<Timestamp> {
    let is_step = |entry: &&StoredEntry| {
        let changes = entry.entry.changes.iter();
        changes
            .filter(|change| change.field == "status")
            .any(|change| matches!(&change.after, FieldValue::Text(name) if name == status))
    };
    history.iter().find(is_step).map(|stored| stored.entry.occurred_at)
}

/// The steps of a life along the usual way to its current status, and the position of that. Those before it are only the
/// ones that the record had, which began at the times that `began` knows; what follows has not begun.
pub(crate) fn life(
    viewer: &Viewer,
    path: &[&str],
    current: &str,
    began: impl Fn(&str) -> Option<Timestamp>,
) -> (Vec<Step>, usize) {
    let position = path.iter().position(|status| *status == current).unwrap_or_default();
    let step = |status: &str, began: Option<Timestamp>| Step {
        title: sentence(status),
        began: began.map(|at| viewer.zone.minute(at)),
    };
    let (before, rest) = path.split_at(position);
    let mut steps: Vec<Step> = before.iter().filter_map(|status| Some(step(status, Some(began(status)?)))).collect();
    let current_step = steps.len();
    let rest = rest.iter().enumerate();
    steps.extend(rest.map(|(index, status)| step(status, if index == 0 { began(status) } else { None })));
    (steps, current_step)
}
