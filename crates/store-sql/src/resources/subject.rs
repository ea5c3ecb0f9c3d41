//! The three columns of what a record is about.

use kernel::{Reference, StoreError, SubjectGroup};

use crate::engine::{Cells, Value, corrupt};

pub(super) fn bind<'r>(subject: Option<&'r SubjectGroup>, row: &mut Vec<Value<'r>>) {
    row.extend([
        Value::opt_text(subject.map(|subject| &subject.module_key)),
        Value::opt_text(subject.map(|subject| &subject.resource_type)),
        Value::opt_text(subject.map(|subject| &subject.resource_id)),
    ]);
}

pub(super) fn read(cells: &mut Cells<'_>) -> Result<Option<SubjectGroup>, StoreError> {
    SubjectGroup::of_parts(
        cells.opt_parsed(Reference::parse)?,
        cells.opt_parsed(Reference::parse)?,
        cells.opt_parsed(Reference::parse)?,
    )
    .map_err(corrupt)
}
