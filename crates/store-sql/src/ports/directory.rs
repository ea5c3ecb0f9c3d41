//! Lookup of organizations, for operators and the audit sealer.

use std::sync::LazyLock;

use ::store::Directory;
use async_trait::async_trait;
use kernel::{Organization, Slug, StoreError, Stored};
use sea_query::{Expr, ExprTrait as _, Order, Query, SelectStatement};

use super::SqlStore;
use crate::{
    engine::{Sql, Value, placeholder},
    records::table::{self, META_COLUMNS, Table},
};

/// These statements have no organization as a condition, because they find organizations.
static ALL: LazyLock<Sql> = LazyLock::new(|| Sql::from_query(select().order_by("id", Order::Asc)));
static BY_SLUG: LazyLock<Sql> =
    LazyLock::new(|| Sql::from_query(select().and_where(Expr::col("slug").eq(placeholder()))));

#[async_trait]
impl Directory for SqlStore {
    async fn organizations(&self) -> Result<Vec<Stored<Organization>>, StoreError> {
        self.engine.read((), |(), session| Box::pin(session.fetch(&ALL, &[], table::read))).await
    }

    async fn organization(&self, slug: &Slug) -> Result<Option<Stored<Organization>>, StoreError> {
        let values: [Value<'static>; 1] = [slug.as_str().to_owned().into()];
        self.engine.read(values, |values, session| Box::pin(session.fetch_one(&BY_SLUG, values, table::read))).await
    }
}

fn select() -> SelectStatement {
    let columns = META_COLUMNS.iter().chain(Organization::COLUMNS).map(|column| column.name);
    Query::select().columns(columns).from(Organization::NAME).to_owned()
}
