//! The records that a page refers to, read with one statement for each kind.

use std::{collections::BTreeSet, sync::OnceLock};

use auth::User;
use futures_util::future::{BoxFuture, try_join_all};
use http_api::{pipeline::App, response::Problem};
use kernel::{Id, IdText, Kind, OrganizationId, Reader, Record, StoreError, Stored, Ulid};
use store::DynStore;

use crate::registers::{RecordName, RecordNames, Register, Row, register_of};

/// The most records of one kind whose names are read for a page. A page refers to fewer, but a field may have a long list.
pub(crate) const MAX_NAMES: usize = 500;

type Found<'a> = BoxFuture<'a, Result<Vec<RecordName>, StoreError>>;

/// How the records of one kind are looked up.
pub(crate) struct Lookup {
    /// The register of the kind.
    pub(crate) register: Register,
    by_ids: for<'a> fn(&'a DynStore, OrganizationId, Vec<Ulid>) -> Found<'a>,
    by_keys: for<'a> fn(&'a DynStore, OrganizationId, Vec<String>) -> Found<'a>,
}

impl Lookup {
    /// Returns the lookup of a kind.
    pub(crate) fn of_kind(kind: Kind) -> Option<&'static Self> {
        lookups().iter().find(|lookup| lookup.register.kind == kind)
    }

    /// Returns the lookup of the kind whose identifiers have this prefix.
    pub(crate) fn with_prefix(prefix: &str) -> Option<&'static Self> {
        lookups().iter().find(|lookup| lookup.register.prefix == prefix)
    }

    /// Returns the records with these keys, of which it looks for the first 500.
    ///
    /// # Errors
    /// The error response if the store fails.
    pub(crate) async fn by_keys(
        &self,
        app: &App,
        organization: OrganizationId,
        mut keys: Vec<String>,
    ) -> Result<Vec<RecordName>, Problem> {
        keys.truncate(MAX_NAMES);
        Ok((self.by_keys)(&*app.services.store, organization, keys).await?)
    }
}

/// Returns the records of every kind with this key.
///
/// # Errors
/// The error response if the store fails.
pub(crate) async fn of_any_kind(
    app: &App,
    organization: OrganizationId,
    key: &str,
) -> Result<Vec<RecordName>, Problem> {
    let with_keys = lookups().iter().filter(|lookup| lookup.register.key().is_some());
    let loads = with_keys.map(|lookup| (lookup.by_keys)(&*app.services.store, organization, vec![key.to_owned()]));
    Ok(try_join_all(loads).await?.into_iter().flatten().collect())
}

/// Whether the kind whose identifiers have this prefix has pages of its records.
pub(crate) fn has_pages(prefix: &str) -> bool {
    Lookup::with_prefix(prefix).is_some()
}

fn lookups() -> &'static [Lookup] {
    macro_rules! lookups {
        ($($kind:ident => $register:ty,)*) => { vec![$(lookup::<$register>(),)*] };
    }
    static LOOKUPS: OnceLock<Vec<Lookup>> = OnceLock::new();
    LOOKUPS.get_or_init(|| ::registers::for_each_register! { lookups, Finding => ::findings::Finding, })
}

fn lookup<R: Record>() -> Lookup
where
    DynStore: Reader<R>,
{
    Lookup {
        register: register_of::<R>(),
        by_ids: |store, organization, ids| {
            Box::pin(async move {
                let ids: Vec<Id<R>> = ids.into_iter().map(Id::new).collect();
                Ok(names(Reader::<R>::get_many(store, organization, &ids).await?))
            })
        },
        by_keys: |store, organization, keys| {
            Box::pin(async move {
                let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
                Ok(names(Reader::<R>::get_by_keys(store, organization, &keys).await?))
            })
        },
    }
}

fn names<R: Record>(records: Vec<Stored<R>>) -> Vec<RecordName> {
    records.iter().map(|stored| name_of(&register_of::<R>(), &Row::of(stored))).collect()
}

fn name_of(register: &Register, row: &Row) -> RecordName {
    let text = |index: Option<usize>| index.and_then(|index| row.values[index].as_value().as_str()).map(str::to_owned);
    RecordName {
        id: row.id.clone(),
        key: text(register.key()),
        title: row.name(register).into_owned(),
        status: text(register.position("status")),
        href: Some(format!("{}/{}", register.path(), row.id)),
    }
}

/// The name of a person, with their email address for those who may see people.
pub(crate) fn person_name(user: &Stored<User>) -> RecordName {
    RecordName {
        id: user.meta.id.to_string(),
        key: Some(user.record.email.to_string()),
        title: user.record.name.to_string(),
        status: None,
        href: None,
    }
}

/// Loads the names of the records and people with these identifiers. Texts that are none are skipped.
///
/// # Errors
/// The error response if the store fails.
pub(crate) async fn load_names(
    app: &App,
    organization: OrganizationId,
    ids: &BTreeSet<String>,
) -> Result<RecordNames, Problem> {
    if ids.is_empty() {
        return Ok(RecordNames::default());
    }
    let store = &*app.services.store;
    let of_kind = |prefix: &'static str| -> Vec<Ulid> {
        let parsed = ids.iter().filter_map(|id| IdText::parse(prefix, id).ok());
        parsed.map(|IdText(_, ulid)| ulid).take(MAX_NAMES).collect()
    };
    let loads = lookups().iter().filter_map(|lookup| {
        let ids = of_kind(lookup.register.prefix);
        (!ids.is_empty()).then(|| (lookup.by_ids)(store, organization, ids))
    });
    let mut found = try_join_all(loads).await?;
    let users: Vec<Id<User>> = of_kind("user").into_iter().map(Id::new).collect();
    let users = Reader::<User>::get_many(store, organization, &users).await?;
    found.push(users.iter().map(|user| RecordName { key: None, ..person_name(user) }).collect());
    Ok(found.into_iter().flatten().collect())
}
