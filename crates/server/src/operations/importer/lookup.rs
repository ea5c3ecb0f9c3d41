//! Lookup of the records that drafts refer to.

use std::collections::{HashMap, HashSet};

use import::{KeyForm, KeyParts, RecordKind, ReferenceColumn, ReferenceValue, references};
use kernel::{Id, IdText, Kind, Reader, Record, ScalarValue, Ulid};
use store::DynStore;

use super::{
    BATCH,
    draft_import::DraftImport,
    drafts::PendingDraft,
    identity::Identity,
    messages::{missing_key, title},
    with_record_type,
};
use crate::failure::Failure;

/// The references of a draft.
#[derive(Debug, Default)]
pub(super) struct ResolvedDraft {
    /// The records that each of [`references`] refers to.
    pub(super) ids: Vec<Vec<Ulid>>,
    /// The errors of references that can't be resolved.
    pub(super) errors: Vec<String>,
    /// The record of the same kind that the draft refers to, if it is not stored yet.
    pub(super) awaited: Option<Identity>,
}

/// The key of a record, within the parent with this identifier if there is one.
type KeyWithin = (Option<Ulid>, String);

impl DraftImport<'_, '_> {
    /// Resolves the references of drafts of one kind.
    pub(super) async fn resolve(&mut self, kind: Kind, drafts: &[PendingDraft]) -> Result<Vec<ResolvedDraft>, Failure> {
        let columns = references(kind);
        let mut resolved: Vec<ResolvedDraft> = drafts
            .iter()
            .map(|_| ResolvedDraft { ids: vec![Vec::new(); columns.len()], ..ResolvedDraft::default() })
            .collect();
        let mut order: Vec<usize> = (0..columns.len()).collect();
        order.sort_by_key(|index| columns[*index].scope.is_some());
        for index in order {
            self.resolve_column(kind, index, drafts, &mut resolved).await?;
        }
        Ok(resolved)
    }

    async fn resolve_column(
        &mut self,
        kind: Kind,
        index: usize,
        drafts: &[PendingDraft],
        resolved: &mut [ResolvedDraft],
    ) -> Result<(), Failure> {
        let column = &references(kind)[index];
        let scope_of = |draft: &ResolvedDraft| column.scope.and_then(|scope| draft.ids[scope].first().copied());
        // A key within a parent that could not be resolved has an error already.
        let has_scope = |draft: &ResolvedDraft| column.scope.is_none() || scope_of(draft).is_some();
        let (mut ids, mut keys) = (HashSet::new(), HashSet::new());
        for (pending, draft) in drafts.iter().zip(resolved.iter()).filter(|(_, draft)| has_scope(draft)) {
            for value in &pending.draft.references[index] {
                match value {
                    ReferenceValue::Id(id) => drop(ids.insert(*id)),
                    ReferenceValue::Key(key) => drop(keys.insert((scope_of(draft), key.clone()))),
                }
            }
        }
        if ids.is_empty() && keys.is_empty() {
            return Ok(());
        }
        let parents = self.parents_of(column.target, &ids).await?;
        let found = self.find_keys(column.target, keys).await?;
        for (pending, draft) in drafts.iter().zip(resolved).filter(|(_, draft)| has_scope(draft)) {
            let scope = scope_of(draft);
            for value in &pending.draft.references[index] {
                let result = match value {
                    ReferenceValue::Id(id) => check_id(column, *id, parents.get(id).copied(), scope),
                    ReferenceValue::Key(key) => found
                        .get(&(scope, key.clone()))
                        .copied()
                        .ok_or_else(|| (missing_key(column, key), identity_of_key(column.target, scope, key))),
                };
                match result {
                    Ok(id) => draft.ids[index].push(id),
                    Err((_, Some(identity))) if column.target == kind => draft.awaited = Some(identity),
                    Err((error, _)) => draft.errors.push(error),
                }
            }
        }
        Ok(())
    }

    /// The parent of each of the stored records with these identifiers, if their keys are unique only within one.
    async fn parents_of(&self, kind: Kind, ids: &HashSet<Ulid>) -> Result<HashMap<Ulid, Option<Ulid>>, Failure> {
        let store = &self.importer.operator.installation.store;
        let mut parents = HashMap::new();
        for id in ids {
            let found = with_record_type!(kind, |R| {
                let found = Reader::<R>::get(&**store, self.importer.organization.id, Id::new(*id)).await?;
                found.map(|stored| parent_of(&stored.record))
            });
            parents.extend(found.flatten().map(|parent| (*id, parent)));
        }
        Ok(parents)
    }

    /// Finds the records with these keys.
    async fn find_keys(&mut self, kind: Kind, keys: HashSet<KeyWithin>) -> Result<HashMap<KeyWithin, Ulid>, Failure> {
        match KeyForm::of(kind) {
            _ if keys.is_empty() => Ok(HashMap::new()),
            None => Ok(HashMap::new()),
            Some(KeyForm::Whole(_)) => {
                let texts: HashSet<&str> = keys.iter().map(|(_, key)| key.as_str()).collect();
                let stored = self.stored_keys(kind, texts).await?;
                let find = |key: &KeyWithin| {
                    let planned =
                        || self.planned.get(&Identity::from_values(kind, [ScalarValue::Text(&key.1)])).copied();
                    stored.get(&(None, key.1.clone())).copied().or_else(planned)
                };
                let found = keys.iter().filter_map(|key| Some((key.clone(), find(key)?)));
                Ok(found.collect())
            }
            Some(KeyForm::Within(parts)) => self.find_keys_within(kind, parts, keys).await,
        }
    }

    async fn find_keys_within(
        &mut self,
        kind: Kind,
        parts: KeyParts,
        keys: HashSet<KeyWithin>,
    ) -> Result<HashMap<KeyWithin, Ulid>, Failure> {
        let of_parents = keys.iter().filter(|(scope, _)| scope.is_none());
        let of_parents = of_parents.filter_map(|(_, key)| Some((None, key.rsplit_once('/')?.0.to_owned())));
        let parents = Box::pin(self.find_keys(parts.parent, of_parents.collect())).await?;
        let mut wanted: Vec<(&KeyWithin, Ulid, &str)> = Vec::new();
        for key in &keys {
            match (key.0, key.1.rsplit_once('/')) {
                (Some(scope), _) => wanted.push((key, scope, &key.1)),
                (None, Some((parent, rest))) => {
                    wanted.extend(parents.get(&(None, parent.to_owned())).map(|parent| (key, *parent, rest)));
                }
                (None, None) => {}
            }
        }
        let has_key = RecordKind::of(kind).is_some_and(|kind| kind.key_column().is_some());
        let stored = if has_key {
            self.stored_keys(kind, wanted.iter().map(|(.., rest)| *rest).collect()).await?
        } else {
            self.load_identities(kind, wanted.iter().map(|(_, parent, _)| *parent).collect()).await?;
            HashMap::new()
        };
        let find = |parent: Ulid, rest: &str| {
            let stored = stored.get(&(Some(parent), rest.to_owned())).copied();
            let identity = identity_within(kind, parts, parent, rest);
            let indexed = || self.identities.get(&kind)?.get(identity?);
            stored.or_else(indexed).or_else(|| self.planned.get(&identity?).copied())
        };
        let found = wanted.into_iter().filter_map(|(key, parent, rest)| Some((key.clone(), find(parent, rest)?)));
        Ok(found.collect())
    }

    /// The stored records with these keys, with their parents.
    async fn stored_keys(&self, kind: Kind, keys: HashSet<&str>) -> Result<HashMap<KeyWithin, Ulid>, Failure> {
        let store = &self.importer.operator.installation.store;
        let keys: Vec<&str> = keys.into_iter().collect();
        let mut stored = HashMap::new();
        for keys in keys.chunks(BATCH) {
            let found = with_record_type!(kind, |R| {
                let found = Reader::<R>::get_by_keys(&**store, self.importer.organization.id, keys).await?;
                let key_of = |record: &R| (record.key_parent(), record.key().unwrap_or_default().to_owned());
                found.iter().map(|stored| (key_of(&stored.record), stored.meta.ulid())).collect::<Vec<_>>()
            });
            stored.extend(found.into_iter().flatten());
        }
        Ok(stored)
    }

    /// Reads the identities of the stored records of these parents.
    pub(super) async fn load_identities(&mut self, kind: Kind, parents: HashSet<Ulid>) -> Result<(), Failure> {
        let store = &self.importer.operator.installation.store;
        let organization = self.importer.organization.id;
        let index = self.identities.entry(kind).or_default();
        with_record_type!(kind, |R| index.load::<R>(&**store, organization, parents).await?);
        Ok(())
    }
}

/// The parent within which the record's key is unique, or of which its identity is.
fn parent_of<R: Record>(record: &R) -> Option<Ulid>
where
    DynStore: Reader<R>,
{
    let Some(KeyForm::Within(parts)) = KeyForm::of(R::KIND) else { return None };
    record.value(parts.parent_column).as_id()
}

/// The identity of the record with this key within the parent.
fn identity_within(kind: Kind, parts: KeyParts, parent: Ulid, rest: &str) -> Option<Identity> {
    let prefix = RecordKind::of(parts.parent)?.prefix;
    let rest = (RecordKind::of(kind)?.columns.get(parts.rest_column)?.parse)(rest).ok()?;
    Some(Identity::from_values(kind, [ScalarValue::Id(prefix, parent), rest.as_value()]))
}

/// The identity of the record with this key, if it is known without a lookup.
fn identity_of_key(kind: Kind, scope: Option<Ulid>, key: &str) -> Option<Identity> {
    match (KeyForm::of(kind)?, scope) {
        (KeyForm::Whole(_), _) => Some(Identity::from_values(kind, [ScalarValue::Text(key)])),
        (KeyForm::Within(parts), Some(parent)) => identity_within(kind, parts, parent, key),
        (KeyForm::Within(_), None) => None,
    }
}

/// Checks an identifier: the workspace must have the record, and its parent must be that of the scope.
fn check_id(
    column: &ReferenceColumn,
    id: Ulid,
    parent: Option<Option<Ulid>>,
    scope: Option<Ulid>,
) -> Result<Ulid, (String, Option<Identity>)> {
    let (field, target) = (&column.id_field, title(column.target));
    let text = IdText(RecordKind::of(column.target).map_or("", |kind| kind.prefix), id);
    match parent {
        None => Err((format!("{field}: the workspace has no {target} {text}"), None)),
        Some(parent) if column.scope.is_some() && parent != scope => {
            Err((format!("{field}: the {target} {text} belongs to another parent than the one beside it"), None))
        }
        Some(_) => Ok(id),
    }
}
