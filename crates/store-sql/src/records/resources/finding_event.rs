//! Events of findings.

use findings::{EventKind, FindingEvent, FindingEventFilter};
use kernel::StoreError;

use crate::{
    engine::{Column, RowReader, Value},
    records::table::{Filter, Table},
};

impl Table for FindingEvent {
    const NAME: &'static str = "finding_events";
    const COLUMNS: &'static [Column] = &[
        Column::text("finding_id"),
        Column::text("kind"),
        Column::text("note"),
        Column::text("external_reference"),
        Column::text("duplicate_of"),
        Column::int("occurred_at"),
    ];
    const FILTERS: &'static [Filter] = &[Filter::selective("finding_id")];

    fn bind<'r>(&'r self, row: &mut Vec<Value<'r>>) {
        row.extend([
            self.finding.into(),
            Value::text(self.kind.name()),
            Value::opt_text(self.note.as_ref()),
            Value::opt_text(self.external_reference.as_ref()),
            Value::opt(self.duplicate_of),
            self.occurred_at.into(),
        ]);
    }

    fn read(cells: &mut RowReader<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            finding: cells.id()?,
            kind: cells.enum_value(EventKind::ALL, EventKind::name)?,
            note: cells.opt_trusted()?,
            external_reference: cells.opt_trusted()?,
            duplicate_of: cells.opt_id()?,
            occurred_at: cells.time()?,
        })
    }

    fn filter_values(filter: &FindingEventFilter) -> Vec<Vec<Value<'static>>> {
        vec![filter.finding.map(Value::from).into_iter().collect()]
    }
}
