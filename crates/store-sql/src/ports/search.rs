//! The index of the words of records.

mod candidates;
#[cfg(test)]
mod query_plans;

use std::{
    collections::{BTreeMap, HashMap},
    sync::LazyLock,
};

use ::store::{Backlog, Candidates, IndexedRecord, RecordWords, SearchIndex, SearchTerms, searched_kinds};
use async_trait::async_trait;
use kernel::{Kind, OrganizationId, StoreError, Timestamp};
use ulid::Ulid;

use super::SqlStore;
use crate::{
    engine::{BatchStatement, RowReader, Session, Sql, Value, names_organizations},
    records::table::Table,
    schema::tables::{SEARCH_PROGRESS, SEARCH_RECORDS, SEARCH_WORDS},
};

static PROGRESS: LazyLock<Sql> =
    LazyLock::new(|| Sql::from_text("SELECT kind, as_of FROM search_progress WHERE organization_id = ?"));
/// The time of the first change of each kind that is not indexed, in the order of [`searched_kinds`].
static OLDEST_CHANGES: LazyLock<Sql> = LazyLock::new(|| {
    let oldest = |(kind, table): (Kind, &str)| {
        format!(
            "(SELECT t.updated_at FROM {table} AS t WHERE t.organization_id = ?1 AND t.updated_at >= COALESCE(\
             (SELECT p.as_of FROM search_progress AS p WHERE p.organization_id = ?1 AND p.kind = '{kind}'), 0) \
             ORDER BY t.updated_at LIMIT 1)"
        )
    };
    let oldest = searched_tables().map(oldest).collect::<Vec<_>>();
    Sql::from_numbered_text(&format!("SELECT {}", oldest.join(", ")))
});
static INDEXED: LazyLock<BatchStatement> = LazyLock::new(|| {
    BatchStatement::for_each(
        &SEARCH_RECORDS.columns[..3],
        "SELECT record_id, words FROM search_records WHERE organization_id = ?1 AND kind = ?2 AND record_id = ?3",
        &format!(
            "SELECT t.record_id, t.words FROM {{rows}} JOIN search_records AS t ON t.organization_id = v.organization_id \
             AND t.kind = v.kind AND t.record_id = v.record_id WHERE {}",
            names_organizations("t.", 1)
        ),
    )
});
static STORE_RECORDS: LazyLock<BatchStatement> = LazyLock::new(|| {
    BatchStatement::upsert_by(SEARCH_RECORDS.name, &SEARCH_RECORDS.columns, 3, "words = excluded.words")
});
static INSERT_WORDS: LazyLock<BatchStatement> =
    LazyLock::new(|| BatchStatement::insert_ignore(SEARCH_WORDS.name, &SEARCH_WORDS.columns));
static DELETE_WORDS: LazyLock<BatchStatement> = LazyLock::new(|| {
    BatchStatement::for_each(
        &SEARCH_WORDS.columns,
        "DELETE FROM search_words WHERE organization_id = ?1 AND kind = ?2 AND word = ?3 AND record_id = ?4",
        &format!(
            "DELETE FROM search_words AS t USING {{rows}} WHERE t.organization_id = v.organization_id \
             AND t.kind = v.kind AND t.word = v.word AND t.record_id = v.record_id AND {}",
            names_organizations("t.", 1)
        ),
    )
});
static STORE_PROGRESS: LazyLock<BatchStatement> =
    LazyLock::new(|| BatchStatement::upsert(SEARCH_PROGRESS.name, &SEARCH_PROGRESS.columns, "as_of = excluded.as_of"));
static CLEAR_PROGRESS: LazyLock<Sql> =
    LazyLock::new(|| Sql::from_text("DELETE FROM search_progress WHERE organization_id = ?"));
static CLEAR_WORDS: LazyLock<Sql> =
    LazyLock::new(|| clear(SEARCH_WORDS.name, "organization_id, kind, word, record_id"));
static CLEAR_RECORDS: LazyLock<Sql> = LazyLock::new(|| clear(SEARCH_RECORDS.name, "organization_id, kind, record_id"));

/// Returns the statement that deletes a number of an organization's rows.
fn clear(table: &str, key: &str) -> Sql {
    Sql::from_numbered_text(&format!(
        "DELETE FROM {table} WHERE organization_id = ?1 AND ({key}) IN \
         (SELECT {key} FROM {table} WHERE organization_id = ?1 ORDER BY {key} LIMIT ?2)"
    ))
}

/// The kinds that are searched, with their tables.
fn searched_tables() -> impl Iterator<Item = (Kind, &'static str)> {
    macro_rules! tables {
        ($($kind:ident => $record:ty,)*) => { &[$((Kind::$kind, <$record as Table>::NAME),)*] };
    }
    let tables: &'static [(Kind, &'static str)] = ::store::for_each_resource!(tables);
    searched_kinds().filter_map(|kind| tables.iter().find(|(of, _)| *of == kind).copied())
}

#[async_trait]
impl SearchIndex for SqlStore {
    async fn search_backlog(&self, organization: OrganizationId) -> Result<Vec<Backlog>, StoreError> {
        let values: [Value<'static>; 1] = [organization.into()];
        let read = self.engine.read(values, |values, session| {
            Box::pin(async move {
                let progress: HashMap<Kind, Timestamp> =
                    session.fetch(&PROGRESS, values, read_progress).await?.into_iter().flatten().collect();
                let oldest = session.fetch_one(&OLDEST_CHANGES, values, read_oldest).await?.unwrap_or_default();
                Ok::<_, StoreError>((progress, oldest))
            })
        });
        let (progress, oldest) = read.await?;
        let backlog = |(kind, oldest)| Backlog { kind, since: progress.get(&kind).copied(), oldest };
        Ok(oldest.into_iter().map(backlog).collect())
    }

    async fn index_words(
        &self,
        organization: OrganizationId,
        kind: Kind,
        records: &[IndexedRecord],
        as_of: Timestamp,
    ) -> Result<(), StoreError> {
        // Each record once, in the same order on every server, so that no two transactions deadlock.
        let records: BTreeMap<Ulid, RecordWords> =
            records.iter().map(|record| (record.id, record.words.clone())).collect();
        self.engine
            .write((organization, kind, records, as_of), |(organization, kind, records, as_of), session| {
                Box::pin(index(session, *organization, *kind, records, *as_of))
            })
            .await
    }

    async fn search(
        &self,
        organization: OrganizationId,
        kinds: &[Kind],
        terms: &SearchTerms,
    ) -> Result<Vec<Candidates>, StoreError> {
        let input = (organization, kinds.to_vec(), terms.clone());
        self.engine
            .read(input, |(organization, kinds, terms), session| {
                Box::pin(candidates::find(session, *organization, kinds, terms))
            })
            .await
    }

    async fn clear_search_index(&self, organization: OrganizationId, limit: usize) -> Result<bool, StoreError> {
        self.engine
            .write((organization, limit), |(organization, limit), session| {
                Box::pin(async move {
                    session.execute(&CLEAR_PROGRESS, &[(*organization).into()]).await?;
                    let values = [(*organization).into(), Value::limit(*limit)];
                    let words = session.execute(&CLEAR_WORDS, &values).await?;
                    let records = session.execute(&CLEAR_RECORDS, &values).await?;
                    let limit = u64::try_from(*limit).unwrap_or(u64::MAX);
                    Ok(words >= limit || records >= limit)
                })
            })
            .await
    }
}

async fn index(
    session: &Session,
    organization: OrganizationId,
    kind: Kind,
    records: &BTreeMap<Ulid, RecordWords>,
    as_of: Timestamp,
) -> Result<(), StoreError> {
    let owner = || [organization.into(), Value::text(kind.name())];
    let keys: Vec<Vec<Value<'_>>> =
        records.keys().map(|id| owner().into_iter().chain([(*id).into()]).collect()).collect();
    let indexed: HashMap<Ulid, RecordWords> =
        session.fetch_each(&INDEXED, &keys, read_words).await?.into_iter().collect();
    let none = RecordWords::default();
    let (mut added, mut removed, mut changed) = (Vec::new(), Vec::new(), Vec::new());
    for (id, words) in records {
        let before = indexed.get(id);
        if before == Some(words) {
            continue;
        }
        let before = before.unwrap_or(&none);
        let row = |word| owner().into_iter().chain([Value::text(word), (*id).into()]).collect::<Vec<_>>();
        added.extend(words.without(before).map(row));
        removed.extend(before.without(words).map(row));
        changed.push(owner().into_iter().chain([(*id).into(), words.to_text().into()]).collect::<Vec<_>>());
    }
    if !removed.is_empty() {
        session.execute_each(&DELETE_WORDS, &removed).await?;
    }
    if !added.is_empty() {
        session.insert_each(&INSERT_WORDS, &added).await?;
    }
    if !changed.is_empty() {
        session.execute_each(&STORE_RECORDS, &changed).await?;
    }
    let progress = owner().into_iter().chain([as_of.into()]).collect();
    session.execute_each(&STORE_PROGRESS, &[progress]).await.map(drop)
}

/// A newer server may have indexed a kind that this one does not know.
fn read_progress(cells: &mut RowReader<'_>) -> Result<Option<(Kind, Timestamp)>, StoreError> {
    let kind = read_kind(cells)?;
    let as_of = cells.time()?;
    Ok(kind.map(|kind| (kind, as_of)))
}

fn read_kind(cells: &mut RowReader<'_>) -> Result<Option<Kind>, StoreError> {
    let name = cells.text()?;
    Ok(Kind::ALL.iter().copied().find(|kind| kind.name() == name))
}

/// The words of a record.
fn read_words(cells: &mut RowReader<'_>) -> Result<(Ulid, RecordWords), StoreError> {
    Ok((cells.ulid()?, RecordWords::from_text(cells.text()?)))
}

fn read_oldest(cells: &mut RowReader<'_>) -> Result<Vec<(Kind, Timestamp)>, StoreError> {
    let mut found = Vec::new();
    for kind in searched_kinds() {
        if let Some(oldest) = cells.opt_time()? {
            found.push((kind, oldest));
        }
    }
    Ok(found)
}
