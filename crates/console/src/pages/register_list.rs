//! The list of a register.

use std::collections::{BTreeMap, BTreeSet};

use auth::Permission;
use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    handlers::ListRequest,
    pipeline::App,
    request::{ApiRequest, DueDates, Query},
    response::{ApiResponse, Problem},
};
use kernel::{AnyRecord as _, Id, OrganizationId, Reader, Record, Stored};
use maud::html;
use store::DynStore;
use submissions::{SubmissionPackage, SubmissionRequirement};

use super::{
    filter_names::load_filter_names,
    forms::{is_importable, may_be_created},
    list_filter::read_filter,
    references::load_names,
    register_export::export_foot,
    saved_views::ViewBar,
    tabs::tabs_of,
    viewer,
};
use crate::{
    navigation::section_of,
    registers::{ChosenFilters, FilterNames, ListView, Row, list, referred_in_list, register_of},
    response::{page_response, redirect},
};

/// A page of a list, as the address asks for it.
pub(crate) struct ListPage<R: Record> {
    /// The records.
    pub(crate) items: Vec<Stored<R>>,
    /// The chosen filters and the order.
    pub(crate) chosen: ChosenFilters,
    /// The names of what the filters name.
    pub(crate) filter_names: FilterNames,
    /// The cursor of this page; `None` for the first one.
    pub(crate) cursor: Option<String>,
    /// The cursor of the next page, if there is one.
    pub(crate) next: Option<String>,
}

/// Handles the request for a page of a list.
pub(crate) fn handle<'a, R: Record>(
    app: &'a App,
    request: &'a ApiRequest,
) -> BoxFuture<'a, Result<ApiResponse, Problem>>
where
    DynStore: Reader<R>,
{
    Box::pin(async move {
        let page = match load::<R>(app, request).await? {
            Ok(page) => page,
            Err(redirect) => return Ok(redirect),
        };
        let rows: Vec<Row> = page.items.iter().map(Row::of).collect();
        let viewer = viewer(request)?;
        let register = register_of::<R>();
        let views = ViewBar::load(app, request, register).await?;
        let address = format!("{}{}", register.path(), page.chosen.query());
        let organization = request.principal()?.organization();
        let names = load_names(app, organization, &referred_in_list(&register, &rows)).await?;
        let view = ListView {
            register,
            names: &names,
            notes: &recipients(app, organization, &page.items).await?,
            filter_names: &page.filter_names,
            section: section_of(R::KIND),
            rows: &rows,
            chosen: &page.chosen,
            cursor: page.cursor.as_deref(),
            next: page.next.as_deref(),
            may_create: may_be_created(R::KIND) && viewer.role.permits(Permission::ChangeRecords),
            may_import: is_importable(R::KIND) && viewer.role.permits(Permission::ImportRecords),
            foot: &export_foot::<R>(app, request, &page.chosen)?,
            now: app.services.clock.now(),
            tabs: html! { (tabs_of(R::KIND, &register_of::<R>().path())) (views.show(&viewer, &page.chosen, &[], &address)) },
        };
        Ok(page_response(StatusCode::OK, list(&viewer, &view)))
    })
}

/// The recipients of submission packages, by the identifiers of these.
async fn recipients<R: Record>(
    app: &App,
    organization: OrganizationId,
    records: &[Stored<R>],
) -> Result<BTreeMap<String, String>, Problem> {
    let packages = records.iter().filter_map(|stored| {
        let package = stored.record.as_any().downcast_ref::<SubmissionPackage>()?;
        Some((stored.meta.id.to_string(), package.submission_requirement_id))
    });
    let packages: BTreeMap<String, Id<SubmissionRequirement>> = packages.collect();
    if packages.is_empty() {
        return Ok(BTreeMap::new());
    }
    let ids: Vec<_> = packages.values().copied().collect::<BTreeSet<_>>().into_iter().collect();
    let requirements = Reader::<SubmissionRequirement>::get_many(&*app.services.store, organization, &ids).await?;
    let recipient = |id: Id<SubmissionRequirement>| {
        let requirement = requirements.iter().find(|requirement| requirement.meta.id == id)?;
        requirement.record.recipient_name.as_ref().map(ToString::to_string)
    };
    Ok(packages.into_iter().filter_map(|(package, id)| Some((package, recipient(id)?))).collect())
}

/// Loads the page of a list that the address asks for, or returns the redirect to the same list in the form of the API.
///
/// # Errors
/// The error response.
pub(crate) async fn load<R: Record>(
    app: &App,
    request: &ApiRequest,
) -> Result<Result<ListPage<R>, ApiResponse>, Problem>
where
    DynStore: Reader<R>,
{
    let register = register_of::<R>();
    let pairs: Vec<(String, String)> = form_urlencoded::parse(request.query().as_bytes()).into_owned().collect();
    let (chosen, has_days) = ChosenFilters::read(&register, pairs.iter().cloned()).with_moments(&viewer(request)?.zone);
    let (named, filter_names) = load_filter_names(app, request, &register, &chosen).await?;
    let has_names = named != chosen;
    let chosen = named;
    if has_days || has_names || !is_canonical(&pairs) {
        // A form repeats the name of a filter for each value, sends those that are empty, and states days for times, keys
        // for records and email addresses for people.
        return Ok(Err(redirect(&format!("{}{}", register.path(), chosen.query()))));
    }
    let mut query = Query::parse(request.query());
    let filter = read_filter::<R>(&mut query);
    let list_request = ListRequest::parse(app, request, &mut query, DueDates::of::<R>())?;
    let page = Reader::<R>::list(&*app.services.store, list_request.organization, &filter, &list_request.page).await?;
    let next = page.next.map(|position| list_request.cursor(app, position));
    let cursor = pairs.into_iter().find(|(name, _)| name == "cursor").map(|(_, value)| value);
    Ok(Ok(ListPage { items: page.items, chosen, filter_names, cursor, next }))
}

/// Whether every name stands once and has a value.
fn is_canonical(pairs: &[(String, String)]) -> bool {
    let names = pairs.iter().map(|(name, _)| name);
    let is_first = |(index, name): (usize, &String)| pairs[..index].iter().all(|(before, _)| before != name);
    names.enumerate().all(is_first) && pairs.iter().all(|(_, value)| !value.is_empty())
}
