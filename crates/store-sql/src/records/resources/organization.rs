//! Organizations. The organization of each record is the organization itself, and its slug is unique among all.

use kernel::{Organization, OrganizationFilter, Slug, StoreError};

use crate::{
    engine::{Column, RowReader, Value},
    records::table::{Key, Table},
};

impl Table for Organization {
    const NAME: &'static str = "organizations";
    const COLUMNS: &'static [Column] =
        &[Column::text("slug"), Column::text("name"), Column::text("locale"), Column::text("timezone")];
    const KEY: Option<Key> = Some(Key::within_installation("slug"));

    fn bind<'r>(&'r self, row: &mut Vec<Value<'r>>) {
        row.extend([
            Value::text(self.slug.as_str()),
            Value::text(&self.name),
            Value::text(&self.locale),
            Value::text(&self.timezone),
        ]);
    }

    fn read(cells: &mut RowReader<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            slug: cells.parsed(Slug::parse)?,
            name: cells.trusted()?,
            locale: cells.trusted()?,
            timezone: cells.trusted()?,
        })
    }

    fn filter_values(_: &OrganizationFilter) -> Vec<Vec<Value<'static>>> {
        Vec::new()
    }
}
