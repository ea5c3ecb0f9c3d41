//! The search by words: the index names candidates, and the records as they are now are compared with the words.

use auth::{Permission, Role, ServiceAccount, User};
use futures_util::future::{BoxFuture, try_join_all};
use kernel::{Id, Kind, OrganizationId, Reader, Resource, StoreError, Stored, Ulid};
use store::{Candidates, DynStore, MAX_CANDIDATES, RecordWords, SearchTerms};

use super::lookups::{Hit, account, hit, person};

/// The number of records that are read at a time.
const RECORDS_PER_READ: usize = 25;

/// The records of one kind that were found.
pub(super) struct Group {
    /// The kind.
    pub(super) kind: Kind,
    /// The records, not more than were asked for, and at least one.
    pub(super) hits: Vec<Hit>,
    /// Whether there are more, or may be.
    pub(super) has_more: bool,
}

/// The most records of one kind that are found at all.
pub(super) const MAX_FOUND: usize = MAX_CANDIDATES;

type Loaded<'a> = BoxFuture<'a, Result<Vec<Hit>, StoreError>>;

/// How the candidates of one kind are read: at most as many hits as the number says.
type Load = for<'a> fn(&'a DynStore, OrganizationId, &'a [Ulid], &'a SearchTerms, usize) -> Loaded<'a>;

/// A kind that is searched.
struct Searched {
    kind: Kind,
    permission: Permission,
    load: Load,
}

/// Returns what the modules that the role may see have for these terms, at most `limit` records of each kind. `only` is
/// the one kind that is searched, if it is not all of them.
///
/// # Errors
/// If the store fails.
pub(super) async fn search(
    store: &DynStore,
    organization: OrganizationId,
    role: Role,
    terms: &SearchTerms,
    only: Option<&str>,
    limit: usize,
) -> Result<Vec<Group>, StoreError> {
    let is_open = |searched: &&Searched| {
        role.permits(searched.permission) && only.is_none_or(|name| searched.kind.name() == name)
    };
    let searched: Vec<&Searched> = searched().iter().filter(is_open).collect();
    let kinds: Vec<Kind> = searched.iter().map(|searched| searched.kind).collect();
    let candidates = store.search(organization, &kinds, terms).await?;
    let groups = searched.into_iter().filter_map(|searched| {
        let candidates = candidates.iter().find(|candidates| candidates.kind == searched.kind)?;
        Some(group(store, organization, terms, searched, candidates, limit))
    });
    let groups = try_join_all(groups).await?;
    Ok(groups.into_iter().filter(|group| !group.hits.is_empty()).collect())
}

async fn group(
    store: &DynStore,
    organization: OrganizationId,
    terms: &SearchTerms,
    searched: &Searched,
    candidates: &Candidates,
    limit: usize,
) -> Result<Group, StoreError> {
    let mut hits = (searched.load)(store, organization, &candidates.ids, terms, limit + 1).await?;
    let has_more = hits.len() > limit || !candidates.is_complete;
    hits.truncate(limit);
    Ok(Group { kind: searched.kind, hits, has_more })
}

/// The kinds that are searched, in the order in which they are shown. Those of records without a title have no candidates.
fn searched() -> &'static [Searched] {
    macro_rules! searched {
        ($($kind:ident => $register:ty,)*) => { &[
            $(Searched {
                kind: Kind::$kind,
                permission: Permission::ReadRecords,
                load: |store, organization, ids, terms, limit| {
                    load::<$register>(store, organization, ids, terms, limit, hit::<$register>)
                },
            },)*
            Searched {
                kind: Kind::User,
                permission: Permission::ReadPeople,
                load: |store, organization, ids, terms, limit| {
                    load::<User>(store, organization, ids, terms, limit, person)
                },
            },
            Searched {
                kind: Kind::ServiceAccount,
                permission: Permission::ReadIntegrations,
                load: |store, organization, ids, terms, limit| {
                    load::<ServiceAccount>(store, organization, ids, terms, limit, account)
                },
            },
        ] };
    }
    ::registers::for_each_register! { searched, Finding => ::findings::Finding, FindingEvent => ::findings::FindingEvent, }
}

/// Reads candidates until there are enough that match.
fn load<'a, R: Resource>(
    store: &'a DynStore,
    organization: OrganizationId,
    ids: &'a [Ulid],
    terms: &'a SearchTerms,
    limit: usize,
    hit: fn(&Stored<R>) -> Hit,
) -> Loaded<'a>
where
    DynStore: Reader<R>,
{
    Box::pin(async move {
        let mut hits = Vec::new();
        for ids in ids.chunks(RECORDS_PER_READ) {
            let ids: Vec<Id<R>> = ids.iter().copied().map(Id::new).collect();
            let mut records = Reader::<R>::get_many(store, organization, &ids).await?;
            records.retain(|stored| {
                let record = &stored.record;
                terms.matches(&RecordWords::new(Resource::title(record), Resource::unique_key(record)))
            });
            // Newest first, as the index names them.
            records.sort_by_key(|stored| std::cmp::Reverse(stored.meta.id.ulid()));
            hits.extend(records.iter().map(hit));
            if hits.len() >= limit {
                break;
            }
        }
        Ok(hits)
    })
}
