//! Controls.

use kernel::StoreError;
use registers::{Control, ControlFilter, ControlStatus};

use super::subject;
use crate::{
    engine::{Cells, Column, Value},
    table::{Filter, Key, Table, words},
};

impl Table for Control {
    const NAME: &'static str = "controls";
    const COLUMNS: &'static [Column] = &[
        Column::text("key"),
        Column::text("title"),
        Column::text("description"),
        Column::text("status"),
        Column::text("subject_module_key"),
        Column::text("subject_resource_type"),
        Column::text("subject_resource_id"),
        Column::text("subject_version_id"),
        Column::text("owner_responsibility_assignment_id"),
        Column::text("implementation_projection_id"),
        Column::text("compliance_projection_id"),
    ];
    const KEY: Option<Key> = Some(Key::within_organization("key"));
    const FILTERS: &'static [Filter] = &[Filter::by_word("status")];

    fn bind<'r>(&'r self, row: &mut Vec<Value<'r>>) {
        row.extend([
            Value::text(&self.key),
            Value::text(&self.title),
            Value::text(&self.description),
            Value::text(self.status.name()),
        ]);
        subject::bind_versioned(self.subject.as_ref(), row);
        row.extend([
            Value::opt_text(self.owner_responsibility_assignment_id.as_ref()),
            Value::opt_text(self.implementation_projection_id.as_ref()),
            Value::opt_text(self.compliance_projection_id.as_ref()),
        ]);
    }

    fn read(cells: &mut Cells<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            key: cells.kept()?,
            title: cells.kept()?,
            description: cells.kept()?,
            status: cells.word(ControlStatus::ALL, ControlStatus::name)?,
            subject: subject::read_versioned(cells)?,
            owner_responsibility_assignment_id: cells.opt_kept()?,
            implementation_projection_id: cells.opt_kept()?,
            compliance_projection_id: cells.opt_kept()?,
        })
    }

    fn narrow(filter: &ControlFilter) -> Vec<Vec<Value<'static>>> {
        vec![words(&filter.statuses, ControlStatus::name)]
    }
}
