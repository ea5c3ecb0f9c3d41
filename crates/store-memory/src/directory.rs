//! Lookup of organizations.

use async_trait::async_trait;
use kernel::{Kind, Organization, Slug, StoreError, Stored};
use store::Directory;

use crate::{MemoryStore, state::Row};

#[async_trait]
impl Directory for MemoryStore {
    async fn organizations(&self) -> Result<Vec<Stored<Organization>>, StoreError> {
        let state = self.snapshot()?;
        let mut all: Vec<Stored<Organization>> =
            state.rows_of_all_organizations(Kind::Organization).filter_map(Row::read).collect();
        all.sort_by_key(|stored| stored.meta.id);
        Ok(all)
    }

    async fn organization(&self, slug: &Slug) -> Result<Option<Stored<Organization>>, StoreError> {
        Ok(self.organizations().await?.into_iter().find(|stored| stored.record.slug == *slug))
    }
}
