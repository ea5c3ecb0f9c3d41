//! The records that the index has for words.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use ::store::{Candidates, MAX_CANDIDATES, MAX_LOOKED_THROUGH, SearchTerms};
use kernel::{Kind, OrganizationId, StoreError};
use ulid::Ulid;

use super::{INDEXED, read_kind, read_words};
use crate::engine::{RowReader, Session, Sql, Value};

/// The rows of one kind whose words begin with a prefix.
pub(super) static WITH_PREFIX: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "SELECT kind, word, record_id FROM search_words WHERE organization_id = ? AND kind = ? AND word >= ? AND word < ? \
         ORDER BY word, record_id LIMIT ?",
    )
});
/// The records of these rows, with all of their words.
pub(super) static WITH_ALL_WORDS: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "SELECT r.record_id, r.words FROM search_words AS w JOIN search_records AS r \
         ON r.organization_id = w.organization_id AND r.kind = w.kind AND r.record_id = w.record_id \
         WHERE w.organization_id = ? AND w.kind = ? AND w.word >= ? AND w.word < ? ORDER BY w.word, w.record_id LIMIT ?",
    )
});

/// The row of a word.
type WordRow = (String, Ulid);

pub(super) async fn find(
    session: &Session,
    organization: OrganizationId,
    kinds: &[Kind],
    terms: &SearchTerms,
) -> Result<Vec<Candidates>, StoreError> {
    let prefixes: Vec<&str> = terms.words().iter().map(String::as_str).chain(terms.key()).collect();
    let scans = kinds.iter().flat_map(|kind| {
        prefixes.iter().map(|prefix| range(organization, *kind, prefix, MAX_CANDIDATES + 1)).collect::<Vec<_>>()
    });
    let scans: Vec<_> = scans.collect();
    let rows = session.fetch_pipelined(&WITH_PREFIX, &scans, read_word).await?;
    let mut by_kind: BTreeMap<Kind, Vec<WordRow>> = BTreeMap::new();
    for (kind, row) in rows.into_iter().flatten() {
        by_kind.entry(kind).or_default().push(row);
    }
    let mut found = Vec::new();
    for kind in kinds {
        let Some(rows) = by_kind.get(kind) else { continue };
        let (mut ids, mut is_complete) = match with_all(rows, terms.words()) {
            Matching::All(ids) => (ids, true),
            Matching::First(ids) => (ids, false),
            Matching::Some(ids) => (with_words(session, organization, *kind, &ids, terms).await?, true),
            Matching::Unknown => look_through(session, organization, *kind, terms).await?,
        };
        if let Some(key) = terms.key() {
            let (with_key, are_all) = with_prefix(rows, key);
            ids.extend(with_key);
            is_complete &= are_all;
        }
        if !ids.is_empty() {
            is_complete &= ids.len() <= MAX_CANDIDATES;
            found.push(Candidates {
                kind: *kind,
                ids: ids.into_iter().rev().take(MAX_CANDIDATES).collect(),
                is_complete,
            });
        }
    }
    Ok(found)
}

/// Returns the records with a word that begins with the prefix, and whether these are all.
fn with_prefix(rows: &[WordRow], prefix: &str) -> (BTreeSet<Ulid>, bool) {
    let with_prefix = rows.iter().filter(|(word, _)| word.starts_with(prefix));
    let mut different: BTreeSet<&WordRow> = BTreeSet::new();
    different.extend(with_prefix);
    (different.iter().map(|(_, id)| *id).collect(), different.len() <= MAX_CANDIDATES)
}

/// The records that have all words, as far as the rows of words say.
enum Matching {
    /// These have them.
    All(BTreeSet<Ulid>),
    /// These have the only word, and others, too.
    First(BTreeSet<Ulid>),
    /// Of these, some have them, and no other record does.
    Some(BTreeSet<Ulid>),
    /// Each word has too many rows.
    Unknown,
}

/// Returns what the rows say about the records with words that begin with each of the prefixes. A prefix that has too many
/// rows says of no record that it lacks it.
fn with_all(rows: &[WordRow], prefixes: &[String]) -> Matching {
    let each: Vec<_> = prefixes.iter().map(|prefix| with_prefix(rows, prefix)).collect();
    let are_all_complete = each.iter().all(|(_, are_all)| *are_all);
    let complete = each.iter().filter(|(_, are_all)| *are_all).map(|(ids, _)| ids);
    match complete.cloned().reduce(|one, other| one.intersection(&other).copied().collect()) {
        Some(ids) if are_all_complete => Matching::All(ids),
        Some(ids) => Matching::Some(ids),
        None if each.len() > 1 => Matching::Unknown,
        None => each.into_iter().next().map_or_else(|| Matching::All(BTreeSet::new()), |(ids, _)| Matching::First(ids)),
    }
}

/// Returns those of the records that have all words.
async fn with_words(
    session: &Session,
    organization: OrganizationId,
    kind: Kind,
    ids: &BTreeSet<Ulid>,
    terms: &SearchTerms,
) -> Result<BTreeSet<Ulid>, StoreError> {
    if ids.is_empty() {
        return Ok(BTreeSet::new());
    }
    let keys: Vec<Vec<Value<'_>>> =
        ids.iter().map(|id| vec![organization.into(), Value::text(kind.name()), (*id).into()]).collect();
    let records = session.fetch_each(&INDEXED, &keys, read_words).await?;
    Ok(records.into_iter().filter(|(_, words)| terms.matches(words)).map(|(id, _)| id).collect())
}

/// Looks through the records with the longest word for those that have the other words, too.
async fn look_through(
    session: &Session,
    organization: OrganizationId,
    kind: Kind,
    terms: &SearchTerms,
) -> Result<(BTreeSet<Ulid>, bool), StoreError> {
    let Some(longest) = terms.words().first() else { return Ok((BTreeSet::new(), true)) };
    let values = range(organization, kind, longest, MAX_LOOKED_THROUGH);
    let records = session.fetch(&WITH_ALL_WORDS, &values, read_words).await?;
    let is_complete = records.len() < MAX_LOOKED_THROUGH;
    Ok((records.into_iter().filter(|(_, words)| terms.matches(words)).map(|(id, _)| id).collect(), is_complete))
}

/// The values of a statement that reads the rows of a prefix.
pub(super) fn range(organization: OrganizationId, kind: Kind, prefix: &str, limit: usize) -> Vec<Value<'static>> {
    // No word contains the last character of Unicode, which is none.
    let end = format!("{prefix}{}", char::MAX);
    vec![
        organization.into(),
        Value::from(kind.name().to_owned()),
        Value::from(prefix.to_owned()),
        Value::from(end),
        Value::limit(limit),
    ]
}

fn read_word(cells: &mut RowReader<'_>) -> Result<Option<(Kind, WordRow)>, StoreError> {
    let kind = read_kind(cells)?;
    let row = (cells.text()?.to_owned(), cells.ulid()?);
    Ok(kind.map(|kind| (kind, row)))
}
