//! Controls.

use kernel::StoreError;
use registers::{Control, ControlFilter, ControlStatus};

use super::subject;
use crate::{
    engine::{Column, RowReader, Value},
    records::table::{Filter, Key, Table, enum_filter},
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
    const FILTERS: &'static [Filter] = &[Filter::unselective("status")];

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

    fn read(cells: &mut RowReader<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            key: cells.trusted()?,
            title: cells.trusted()?,
            description: cells.trusted()?,
            status: cells.enum_value(ControlStatus::ALL, ControlStatus::name)?,
            subject: subject::read_versioned(cells)?,
            owner_responsibility_assignment_id: cells.opt_trusted()?,
            implementation_projection_id: cells.opt_trusted()?,
            compliance_projection_id: cells.opt_trusted()?,
        })
    }

    fn filter_values(filter: &ControlFilter) -> Vec<Vec<Value<'static>>> {
        vec![enum_filter(&filter.statuses, ControlStatus::name)]
    }
}
