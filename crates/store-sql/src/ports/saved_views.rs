//! Saved views of users.

use std::sync::LazyLock;

use async_trait::async_trait;
use auth::{SavedView, SavedViewChange, SavedViewId, SavedViews, UserId};
use kernel::{Changeset, CommitError, OrganizationId, StoreError, Text};

use super::{SqlStore, commit::commit, people::Failure};
use crate::{
    engine::{RowReader, Session, Sql, Value, column_list, pipeline2},
    schema::tables::SAVED_VIEWS,
};

static VIEW: LazyLock<Sql> = LazyLock::new(|| select("id = ?"));
static OWN_VIEWS: LazyLock<Sql> = LazyLock::new(|| select("user_id = ? ORDER BY slot LIMIT ?"));
static SHARED_VIEWS: LazyLock<Sql> =
    LazyLock::new(|| select("shared_slot >= 0 AND user_id <> ? ORDER BY shared_slot LIMIT ?"));
/// A view whose slots others have taken first is told by the row that is missing from the result: a distributed database
/// counts rows that conflict as inserted.
static ADD: LazyLock<Sql> = LazyLock::new(|| {
    let placeholders = vec!["?"; SAVED_VIEWS.columns.len()].join(", ");
    let insert = format!("INSERT INTO saved_views ({}) VALUES ({placeholders})", columns());
    Sql::from_text(&format!("{insert} ON CONFLICT DO NOTHING RETURNING version"))
});
static REMOVE: LazyLock<Sql> =
    LazyLock::new(|| Sql::from_text("DELETE FROM saved_views WHERE organization_id = ? AND id = ? AND version = ?"));

fn columns() -> String {
    column_list("", SAVED_VIEWS.columns.iter().map(|column| column.name))
}

fn select(condition: &str) -> Sql {
    Sql::from_text(&format!("SELECT {} FROM saved_views WHERE organization_id = ? AND {condition}", columns()))
}

#[async_trait]
impl SavedViews for SqlStore {
    async fn saved_view(&self, organization: OrganizationId, id: SavedViewId) -> Result<Option<SavedView>, StoreError> {
        let values: [Value<'static>; 2] = [organization.into(), id.into()];
        self.engine.read(values, |values, session| Box::pin(session.fetch_one(&VIEW, values, view))).await
    }

    async fn saved_views(&self, organization: OrganizationId, user: UserId) -> Result<Vec<SavedView>, StoreError> {
        self.engine
            .read((organization, user), |(organization, user), session| {
                Box::pin(async move {
                    let values = |limit: i64| [(*organization).into(), (*user).into(), limit.into()];
                    let (own, shared) = (values(SavedView::MAX_PER_USER), values(SavedView::MAX_SHARED));
                    let (own, shared) =
                        (session.fetch(&OWN_VIEWS, &own, view), session.fetch(&SHARED_VIEWS, &shared, view));
                    let (mut views, mut shared) = pipeline2(own, shared).await?;
                    views.append(&mut shared);
                    Ok(views)
                })
            })
            .await
    }

    async fn commit_saved_view(&self, changeset: Changeset, change: &SavedViewChange) -> Result<bool, CommitError> {
        let input = (self.registration.check(), change.clone(), changeset);
        let outcome = self
            .write_entries(
                None,
                input,
                |()| true,
                |((check, change, changeset), rows), session| {
                    Box::pin(async move {
                        if !apply(session, changeset.organization(), change).await? {
                            return Err(Failure::Unmet);
                        }
                        commit(session, *check, changeset, rows).await.map_err(Failure::Commit)
                    })
                },
            )
            .await;
        match outcome {
            Ok(()) => Ok(true),
            Err(Failure::Unmet) => Ok(false),
            Err(Failure::Commit(error)) => Err(error),
        }
    }
}

/// Changes a view. Returns whether the condition of the change holds.
async fn apply(session: &Session, organization: OrganizationId, change: &SavedViewChange) -> Result<bool, StoreError> {
    match change {
        SavedViewChange::Add(view) => add(session, organization, view).await,
        SavedViewChange::Replace(view) => {
            Ok(remove(session, organization, view.id, view.version - 1).await?
                && add(session, organization, view).await?)
        }
        SavedViewChange::Remove { view, version } => remove(session, organization, *view, *version).await,
    }
}

async fn add(session: &Session, organization: OrganizationId, view: &SavedView) -> Result<bool, StoreError> {
    let values: [Value<'_>; 11] = [
        organization.into(),
        view.id.into(),
        view.owner.into(),
        view.slot.into(),
        Value::opt(view.shared_slot),
        Value::text(view.list.as_str()),
        Value::text(view.name.as_str()),
        Value::text(view.query.as_str()),
        view.version.into(),
        view.created_at.into(),
        view.updated_at.into(),
    ];
    Ok(session.fetch_one(&ADD, &values, |cells| cells.int()).await?.is_some())
}

async fn remove(
    session: &Session,
    organization: OrganizationId,
    id: SavedViewId,
    version: i64,
) -> Result<bool, StoreError> {
    Ok(session.execute(&REMOVE, &[organization.into(), id.into(), version.into()]).await? == 1)
}

fn view(cells: &mut RowReader<'_>) -> Result<SavedView, StoreError> {
    Ok(SavedView {
        organization: cells.id()?,
        id: cells.id()?,
        owner: cells.id()?,
        slot: cells.int()?,
        shared_slot: cells.opt_int()?,
        list: Text::trusted(cells.text()?),
        name: Text::trusted(cells.text()?),
        query: Text::trusted(cells.text()?),
        version: cells.int()?,
        created_at: cells.time()?,
        updated_at: cells.time()?,
    })
}
