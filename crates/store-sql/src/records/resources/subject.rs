//! The three columns of a record's subject, and the fourth of the subject's version where it has one.

use kernel::{StoreError, SubjectGroup, VersionedSubjectGroup};

use crate::engine::{RowReader, Value, corrupt};

pub(super) fn bind<'r>(subject: Option<&'r SubjectGroup>, row: &mut Vec<Value<'r>>) {
    row.extend([
        Value::opt_text(subject.map(|subject| &subject.module_key)),
        Value::opt_text(subject.map(|subject| &subject.resource_type)),
        Value::opt_text(subject.map(|subject| &subject.resource_id)),
    ]);
}

pub(super) fn read(cells: &mut RowReader<'_>) -> Result<Option<SubjectGroup>, StoreError> {
    SubjectGroup::from_parts(cells.opt_trusted()?, cells.opt_trusted()?, cells.opt_trusted()?).map_err(corrupt)
}

pub(super) fn bind_versioned<'r>(subject: Option<&'r VersionedSubjectGroup>, row: &mut Vec<Value<'r>>) {
    bind(subject.map(|subject| &subject.group), row);
    row.push(Value::opt_text(subject.and_then(|subject| subject.version_id.as_ref())));
}

pub(super) fn read_versioned(cells: &mut RowReader<'_>) -> Result<Option<VersionedSubjectGroup>, StoreError> {
    match (read(cells)?, cells.opt_trusted()?) {
        (Some(group), version_id) => Ok(Some(VersionedSubjectGroup { group, version_id })),
        (None, None) => Ok(None),
        (None, Some(_)) => Err(corrupt("a record has the version of a subject but no subject")),
    }
}
