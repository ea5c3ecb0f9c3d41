//! The list of a register.

use auth::Permission;
use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    handlers::ListRequest,
    pipeline::App,
    request::{ApiRequest, DueDates, Query},
    response::{ApiResponse, Problem},
};
use kernel::{ColumnType, Comparison, Filter, Reader, Record};
use serde_json::Value;
use store::DynStore;

use super::{register_pages::has_form, viewer};
use crate::{
    navigation::section_of,
    registers::{ChosenFilters, ListView, Row, filter_name, list, register_of},
    response::{page_response, redirect},
};

/// Handles the request for a page of a list.
pub(crate) fn handle<'a, R: Record>(
    app: &'a App,
    request: &'a ApiRequest,
) -> BoxFuture<'a, Result<ApiResponse, Problem>>
where
    DynStore: Reader<R>,
{
    Box::pin(async move {
        let register = register_of::<R>();
        let pairs: Vec<(String, String)> = form_urlencoded::parse(request.query().as_bytes()).into_owned().collect();
        let chosen = ChosenFilters::read(&register, pairs.iter().cloned());
        if !is_canonical(&pairs) {
            // A form repeats the name of a filter for each value, and sends those that are empty.
            return Ok(redirect(&format!("{}{}", register.path(), chosen.query())));
        }
        let mut query = Query::parse(request.query());
        let filter = read_filter::<R>(&mut query);
        let list_request = ListRequest::parse(app, request, &mut query, DueDates::of::<R>())?;
        let store = &*app.services.store;
        let page = Reader::<R>::list(store, list_request.organization, &filter, &list_request.page).await?;
        let rows: Vec<Row> = page.items.iter().map(Row::of).collect();
        let next = page.next.map(|position| list_request.cursor(app, position));
        let cursor = pairs.iter().find(|(name, _)| name == "cursor").map(|(_, value)| value.as_str());
        let viewer = viewer(request)?;
        let view = ListView {
            register,
            section: section_of(R::KIND),
            rows: &rows,
            chosen: &chosen,
            cursor,
            next: next.as_deref(),
            may_create: has_form(R::KIND) && viewer.role.permits(Permission::ChangeRecords),
            now: app.services.clock.now(),
        };
        Ok(page_response(StatusCode::OK, list(&viewer, &view)))
    })
}

/// Whether every name stands once and has a value.
fn is_canonical(pairs: &[(String, String)]) -> bool {
    let names = pairs.iter().map(|(name, _)| name);
    let is_first = |(index, name): (usize, &String)| pairs[..index].iter().all(|(before, _)| before != name);
    names.enumerate().all(is_first) && pairs.iter().all(|(_, value)| !value.is_empty())
}

fn read_filter<R: Record>(query: &mut Query<'_>) -> Filter<R> {
    let mut filter = Filter::default();
    for (index, column, column_filter) in Filter::<R>::columns() {
        let name = filter_name::<R>(index);
        let schema = || Value::Null;
        match (column_filter.comparison, column.column_type) {
            (Comparison::OneOf, ColumnType::Text { .. }) => {
                filter.set(index, query.list(name, column.description, schema, column.parse));
            }
            (Comparison::OneOf, _) => filter.set(index, query.choices(name, column.description, schema, column.parse)),
            (Comparison::AtLeast, _) => {
                filter.set(index, query.optional(name, column.description, schema, column.parse))
            }
        }
    }
    filter
}
