//! Findings.

use findings::{Finding, FindingFilter, FindingSource, Severity, SourceKind, Status};
use kernel::StoreError;

use super::subject;
use crate::{
    engine::{Column, RowReader, Value},
    records::table::{Filter, Key, Table, enum_filter, text_filter},
};

impl Table for Finding {
    const NAME: &'static str = "findings";
    const COLUMNS: &'static [Column] = &[
        Column::text("key"),
        Column::text("title"),
        Column::text("description"),
        Column::text("severity"),
        Column::text("status"),
        Column::text("source_kind"),
        Column::text("source_module_key"),
        Column::text("source_resource_type"),
        Column::text("source_resource_id"),
        Column::text("subject_module_key"),
        Column::text("subject_resource_type"),
        Column::text("subject_resource_id"),
        Column::text("owner_responsibility_id"),
        Column::text("owner_member_user_id"),
        Column::int("due_at"),
        Column::int("closed_at"),
        Column::text("lifecycle_instance_id"),
        Column::text("duplicate_of"),
    ];
    const KEY: Option<Key> = Some(Key::within_organization("key"));
    const FILTERS: &'static [Filter] = &[
        Filter::unique("key"),
        Filter::selective("subject_resource_id"),
        Filter::unselective("status"),
        Filter::unselective("severity"),
        Filter::unselective("source_kind"),
    ];

    fn bind<'r>(&'r self, row: &mut Vec<Value<'r>>) {
        row.extend([
            Value::text(&self.key),
            Value::text(&self.title),
            Value::text(&self.description),
            Value::text(self.severity.name()),
            Value::text(self.status.name()),
            Value::text(self.source.kind.name()),
            Value::opt_text(self.source.module_key.as_ref()),
            Value::opt_text(self.source.resource_type.as_ref()),
            Value::opt_text(self.source.resource_id.as_ref()),
        ]);
        subject::bind(self.subject.as_ref(), row);
        row.extend([
            Value::opt_text(self.owner_responsibility_id.as_ref()),
            Value::opt_text(self.owner_member_user_id.as_ref()),
            Value::opt(self.due_at),
            Value::opt(self.closed_at),
            Value::opt_text(self.lifecycle_instance_id.as_ref()),
            Value::opt(self.duplicate_of),
        ]);
    }

    fn read(cells: &mut RowReader<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            key: cells.trusted()?,
            title: cells.trusted()?,
            description: cells.trusted()?,
            severity: cells.enum_value(Severity::ALL, Severity::name)?,
            status: cells.enum_value(Status::ALL, Status::name)?,
            source: FindingSource {
                kind: cells.enum_value(SourceKind::ALL, SourceKind::name)?,
                module_key: cells.opt_trusted()?,
                resource_type: cells.opt_trusted()?,
                resource_id: cells.opt_trusted()?,
            },
            subject: subject::read(cells)?,
            owner_responsibility_id: cells.opt_trusted()?,
            owner_member_user_id: cells.opt_trusted()?,
            due_at: cells.opt_time()?,
            closed_at: cells.opt_time()?,
            lifecycle_instance_id: cells.opt_trusted()?,
            duplicate_of: cells.opt_id()?,
        })
    }

    fn filter_values(filter: &FindingFilter) -> Vec<Vec<Value<'static>>> {
        vec![
            text_filter(&filter.keys),
            text_filter(&filter.subject_resource_ids),
            enum_filter(&filter.statuses, Status::name),
            enum_filter(&filter.severities, Severity::name),
            enum_filter(&filter.source_kinds, SourceKind::name),
        ]
    }
}
