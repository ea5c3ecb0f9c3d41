//! The records and people that the fields of a form name: by a key, an email address or an identifier.

use std::collections::{BTreeMap, BTreeSet};

use ::registers::TargetKind;
use http_api::{pipeline::App, request::ApiRequest, response::Problem};
use kernel::{IdText, Kind};

use super::{
    references::{Lookup, load_names},
    workspace_people::{NOBODY, WorkspacePeople},
};
use crate::{
    registers::{
        Named, RecordName, ReferenceField, References, Register, Row, TypedFaults, reference_fields, reference_text,
    },
    words::{camel_case, with_article},
};

/// The fields with the module and the type of a target.
const TARGET: [&str; 2] = ["targetModuleKey", "targetResourceType"];

/// The texts of a form, with the identifiers of what they name.
#[derive(Clone)]
pub(crate) struct ResolvedForm {
    /// The texts: keys and email addresses are replaced by identifiers.
    pub(crate) texts: BTreeMap<String, String>,
    /// The faults of the fields that name nothing.
    pub(crate) faults: TypedFaults,
    /// The records and people that the fields name, for the form.
    pub(crate) references: References,
}

/// Loads what the fields of a record name, for the form that edits it; without a record, for a new one.
///
/// # Errors
/// The error response if the store fails.
pub(crate) async fn load_references(
    app: &App,
    request: &ApiRequest,
    register: &Register,
    current: Option<&Row>,
) -> Result<References, Problem> {
    let fields = reference_fields(register, current.is_some());
    let mut references =
        References { people: people_for(app, request, &fields).await?.all().to_vec(), ..References::default() };
    let Some(row) = current else { return Ok(references) };
    let texts: Vec<(String, Vec<String>)> = fields
        .iter()
        .map(|field| (field.name.clone(), parts(&reference_text(&row.values[field.index]), is_list(field))))
        .collect();
    let ids: BTreeSet<String> = texts.iter().flat_map(|(_, ids)| ids.iter().cloned()).collect();
    let names = load_names(app, request.principal()?.organization(), &ids).await?;
    for (field, ids) in texts {
        let person = |id: &String| references.people.iter().find(|person| person.id == *id);
        let found: Vec<RecordName> =
            ids.iter().filter_map(|id| person(id).or_else(|| names.get(id)).cloned()).collect();
        if !found.is_empty() && found.len() == ids.len() {
            references.found.insert(field, found);
        }
    }
    references.names = names;
    Ok(references)
}

/// Looks up what the typed texts name. A text that a person's field has already may be one of another system.
///
/// # Errors
/// The error response if the store fails.
pub(crate) async fn resolve(
    app: &App,
    request: &ApiRequest,
    register: &Register,
    current: Option<&Row>,
    typed: &BTreeMap<String, String>,
) -> Result<ResolvedForm, Problem> {
    let fields = reference_fields(register, current.is_some());
    let people = people_for(app, request, &fields).await?;
    let mut form = ResolvedForm {
        texts: typed.clone(),
        faults: TypedFaults::default(),
        references: References { people: people.all().to_vec(), ..References::default() },
    };
    for field in &fields {
        let text = typed.get(&field.name).map_or("", |text| text.trim());
        if text.is_empty() {
            continue;
        }
        let outcome = match field.names {
            Named::Record(prefix) | Named::Records(prefix) => {
                records(app, request, Lookup::with_prefix(prefix), &parts(text, is_list(field))).await?
            }
            Named::Target => match target_kind(&mut form) {
                Some(kind) => records(app, request, Lookup::of_kind(kind), &parts(text, false)).await?,
                None => continue,
            },
            Named::Person => {
                let is_kept = current.is_some_and(|row| reference_text(&row.values[field.index]) == text);
                match people.look_up(app, request, text).await? {
                    Some(person) => Ok(vec![person]),
                    None if is_kept => continue,
                    None => Err(NOBODY.to_owned()),
                }
            }
        };
        match outcome {
            Ok(found) if found.is_empty() => {}
            Ok(found) => {
                let ids: Vec<&str> = found.iter().map(|name| name.id.as_str()).collect();
                form.texts.insert(field.name.clone(), ids.join(" "));
                form.references.found.insert(field.name.clone(), found);
            }
            Err(message) => {
                form.faults.0.insert(field.name.clone(), message);
            }
        }
    }
    form.references.names = form.references.found.values().flatten().cloned().collect();
    Ok(form)
}

/// The people whom a form offers, if it has a field for one.
async fn people_for(app: &App, request: &ApiRequest, fields: &[ReferenceField]) -> Result<WorkspacePeople, Problem> {
    match fields.iter().any(|field| field.names == Named::Person) {
        true => WorkspacePeople::load(app, request).await,
        false => Ok(WorkspacePeople::default()),
    }
}

/// The records that the text names, or what is wrong with it. There are none if the kind has no pages.
async fn records(
    app: &App,
    request: &ApiRequest,
    lookup: Option<&Lookup>,
    texts: &[String],
) -> Result<Result<Vec<RecordName>, String>, Problem> {
    let Some(lookup) = lookup else { return Ok(Ok(Vec::new())) };
    let (organization, prefix) = (request.principal()?.organization(), lookup.register.prefix);
    let (ids, keys): (Vec<String>, Vec<String>) =
        texts.iter().cloned().partition(|text| IdText::parse(prefix, text).is_ok());
    let by_id = load_names(app, organization, &ids.into_iter().collect()).await?;
    let by_key = match lookup.register.key() {
        Some(_) if !keys.is_empty() => lookup.by_keys(app, organization, keys).await?,
        _ => Vec::new(),
    };
    let mut found = Vec::with_capacity(texts.len());
    for text in texts {
        let mut named = by_key.iter().filter(|name| name.key.as_ref() == Some(text));
        match (by_id.get(text).or_else(|| named.next()), named.next()) {
            (Some(name), None) => found.push(name.clone()),
            (Some(_), Some(_)) => {
                let nouns = lookup.register.nouns();
                return Ok(Err(format!(
                    "“{text}” is the key of several {nouns}. Give the id of the one that you mean."
                )));
            }
            (None, _) => {
                let noun = with_article(&lookup.register.noun());
                return Ok(Err(format!("“{text}” is not the key or the id of {noun} in this workspace.")));
            }
        }
    }
    Ok(Ok(found))
}

/// The kind of records that the module and the type of a target name, which then stand in the form as links store them;
/// `None` if it is in another system, or they are wrong.
fn target_kind(form: &mut ResolvedForm) -> Option<Kind> {
    let [module, resource_type] = TARGET.map(|name| form.texts.get(name).map_or("", String::as_str));
    match TargetKind::find(module, resource_type) {
        Ok(Some(target)) => {
            let texts = [target.module_key.to_owned(), target.resource_type];
            form.texts.extend(TARGET.map(str::to_owned).into_iter().zip(texts));
            Some(target.kind)
        }
        Ok(None) => None,
        Err(error) => {
            form.faults.0.insert(camel_case(error.field), error.message.into_owned());
            None
        }
    }
}

fn is_list(field: &ReferenceField) -> bool {
    matches!(field.names, Named::Records(_))
}

/// The keys or identifiers in a text: a list has them in lines, or with spaces between them.
fn parts(text: &str, is_list: bool) -> Vec<String> {
    if is_list { text.split_whitespace().map(str::to_owned).collect() } else { vec![text.to_owned()] }
}
