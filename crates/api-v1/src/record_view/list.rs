//! Lists of registers: those of a whole organization, and those of one parent, which their path names.

use futures_util::future::BoxFuture;
use http_api::{
    App,
    endpoints::Document,
    request::{ApiRequest, Query},
    response::{ApiResponse, Problem},
};
use kernel::{
    Filter, HasIdPrefix, Id, IdText, OrganizationId, OwnedScalar, Reader, Resource, Scalar as _, StoreError, Subject,
    Ulid,
};
use store::DynStore;

use super::{RecordView, name::Names};
use crate::view::{View, list_document, list_filtered};

/// The parent that the path of a list names.
#[derive(Clone, Copy)]
pub(crate) struct Parent {
    /// The column with the identifier of the parent.
    pub(super) column: &'static str,
    find: FindParent,
}

type FindParent = for<'a> fn(&'a App, &'a ApiRequest) -> BoxFuture<'a, Result<(OwnedScalar, Subject), Problem>>;

/// Creates the parent of type `P`, whose identifier is in this column.
pub(crate) const fn parent<P: Resource>(column: &'static str) -> Parent
where
    DynStore: Reader<P>,
{
    Parent { column, find: find::<P> }
}

/// Returns the parent that the path names, as a value of its column and as the subject of the request.
fn find<'a, P: Resource>(
    app: &'a App,
    request: &'a ApiRequest,
) -> BoxFuture<'a, Result<(OwnedScalar, Subject), Problem>>
where
    DynStore: Reader<P>,
{
    Box::pin(async move {
        let id: Id<P> = request.path_id()?;
        let organization = request.principal()?.organization();
        let found = Reader::<P>::get(&*app.services.store, organization, id).await?;
        found.map(|_| (id.value().to_owned(), Subject::from_id(id))).ok_or_else(Problem::not_found)
    })
}

/// Handles a list request.
pub(crate) fn list_register<'a, R: RecordView>(
    app: &'a App,
    request: &'a ApiRequest,
) -> BoxFuture<'a, Result<ApiResponse, Problem>>
where
    DynStore: Reader<R>,
{
    Box::pin(async move {
        let parent = match R::PARENT {
            Some(parent) => Some((parent.column, (parent.find)(app, request).await?)),
            None => None,
        };
        let mut query = Query::parse(request.query());
        let mut filter = R::filter(&mut query);
        check_references(app, request, &mut query, &filter).await?;
        let Some((name, (id, subject))) = parent else {
            return list_filtered::<R>(app, request, &mut query, &filter).await;
        };
        let index = Filter::<R>::columns().find(|(_, column, _)| column.name == name).map(|(index, ..)| index);
        filter.set(index.unwrap_or_else(|| panic!("{} has no filter by {name}", R::KIND)), [id]);
        let response = list_filtered::<R>(app, request, &mut query, &filter).await?;
        Ok(response.with_subject(subject))
    })
}

/// Adds an error for each identifier in the filter that no record of the organization has.
async fn check_references<R: RecordView>(
    app: &App,
    request: &ApiRequest,
    query: &mut Query<'_>,
    filter: &Filter<R>,
) -> Result<(), Problem> {
    let organization = request.principal()?.organization();
    for (index, ..) in Filter::<R>::columns() {
        for value in filter.accepted(index).into_iter().flatten() {
            let OwnedScalar::Id(prefix, ulid) = value else { continue };
            if !exists(&*app.services.store, organization, prefix, *ulid).await? {
                let message = format!("there is no record with the identifier {}", IdText(prefix, *ulid));
                query.error(Names::<R>::FILTERS[index].as_str(), message);
            }
        }
    }
    Ok(())
}

/// Returns whether the organization has a record with this prefix and identifier.
async fn exists(
    store: &DynStore,
    organization: OrganizationId,
    prefix: &'static str,
    ulid: Ulid,
) -> Result<bool, StoreError> {
    macro_rules! look_up {
        ($($kind:ident => $record:ty,)*) => {
            $(if prefix == <$record as HasIdPrefix>::PREFIX {
                return Ok(Reader::<$record>::get(store, organization, Id::new(ulid)).await?.is_some());
            })*
        };
    }
    store::for_each_resource!(look_up);
    Ok(false)
}

/// Returns the documentation of a list endpoint.
pub(crate) fn list_register_document<R: RecordView>() -> Document {
    let mut document = list_document::<R>();
    if R::PARENT.is_some() {
        document.errors = &[400, 404];
    }
    document
}
