//! The records and people that the filters of a list name: by a key, an email address, a name or an identifier.

use std::collections::BTreeSet;

use http_api::{pipeline::App, request::ApiRequest, response::Problem};
use kernel::{Column, ColumnType, IdText};

use super::{
    references::{Lookup, load_names},
    workspace_people::WorkspacePeople,
};
use crate::{
    registers::{ChosenFilters, FilterNames, RecordName, Register, is_person},
    words::camel_case,
};

/// Looks up what the filters name. Returns them with identifiers instead of what was typed, and the names for the page.
///
/// # Errors
/// The error response if the store fails.
pub(crate) async fn load_filter_names(
    app: &App,
    request: &ApiRequest,
    register: &Register,
    chosen: &ChosenFilters,
) -> Result<(ChosenFilters, FilterNames), Problem> {
    let filters = || register.columns.iter().filter(|column| column.filter.is_some());
    let people = match filters().any(is_person) {
        true => WorkspacePeople::load(app, request).await?,
        false => WorkspacePeople::default(),
    };
    let organization = request.principal()?.organization();
    let (mut resolved, mut ids) = (chosen.clone(), BTreeSet::new());
    for column in filters() {
        let Some(name) = filter_of(column).filter(|name| !chosen.values(name).is_empty()) else { continue };
        let values = match column.column_type {
            ColumnType::Id(prefix) => with_keys(app, request, prefix, chosen.values(&name)).await?,
            _ if is_person(column) => chosen.values(&name).iter().map(|value| identified(&people, value)).collect(),
            _ => chosen.values(&name).to_vec(),
        };
        if column.key.is_none() && !matches!(column.column_type, ColumnType::Name(_)) {
            ids.extend(values.iter().cloned());
        }
        resolved = resolved.with_values(&name, values);
    }
    let chosen = load_names(app, organization, &ids).await?;
    Ok((resolved, FilterNames { people: people.all().to_vec(), chosen }))
}

fn filter_of(column: &Column) -> Option<String> {
    Some(camel_case(column.filter?.label))
}

fn identified(people: &WorkspacePeople, value: &str) -> String {
    people.find(value).map_or(value, |person| &person.id).to_owned()
}

/// The values with the identifiers of records whose keys they are. A value that names no record, or several, stays.
async fn with_keys(
    app: &App,
    request: &ApiRequest,
    prefix: &'static str,
    values: &[String],
) -> Result<Vec<String>, Problem> {
    let keys: Vec<String> = values.iter().filter(|value| IdText::parse(prefix, value).is_err()).cloned().collect();
    let lookup = Lookup::with_prefix(prefix).filter(|lookup| lookup.register.key().is_some() && !keys.is_empty());
    let Some(lookup) = lookup else { return Ok(values.to_vec()) };
    let found = lookup.by_keys(app, request.principal()?.organization(), keys).await?;
    let identified = |value: &String| {
        let mut named = found.iter().filter(|name| name.key.as_ref() == Some(value));
        let only: Option<&RecordName> = named.next().filter(|_| named.next().is_none());
        only.map_or_else(|| value.clone(), |name| name.id.clone())
    };
    Ok(values.iter().map(identified).collect())
}
