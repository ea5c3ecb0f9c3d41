//! The people, programs and records that the audit log is about: found by what a reader types, and shown by their names.

use std::collections::BTreeSet;

use audit::StoredEntry;
use auth::{Account, AccountId, ServiceAccount, User, parse_user_email};
use http_api::{pipeline::App, response::Problem};
use kernel::{OrganizationId, Reader, Stored, Ulid};

use crate::{
    pages::references::{load_names, of_any_kind, person_name},
    registers::{RecordName, RecordNames},
};

/// The address of the service accounts.
const ACCOUNTS: &str = "/app/developers/api/credentials";

/// All keys: no text is before the first or after the last.
const ALL_KEYS: std::ops::Range<&str> = "".."\u{10ffff}";

/// The people and records that the text of a filter names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Named {
    /// The identifiers of what is named.
    pub(super) ids: BTreeSet<String>,
    /// The names of them, for the reader.
    pub(super) names: Vec<String>,
}

impl Named {
    fn add(&mut self, found: &[RecordName]) {
        for name in found.iter().filter(|name| self.ids.insert(name.id.clone())) {
            self.names.push(name.short_text().to_owned());
        }
    }
}

/// The filters that take names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meant {
    /// People and service accounts.
    Actors,
    /// Records of any kind, people and service accounts.
    Subjects,
}

/// The most identifiers and names that a filter takes at once, and the most of them that are no identifiers.
const MAX_PARTS: (usize, usize) = (50, 5);

/// Returns what a text names by identifiers, keys, e-mail addresses or names, which are separated by commas.
///
/// # Errors
/// `Err` with a sentence for the reader if a part of the text names nothing, or the error response if the store fails.
pub(super) async fn find(
    app: &App,
    organization: OrganizationId,
    meant: Meant,
    text: &str,
) -> Result<Result<Named, String>, Problem> {
    let (mut named, parts) = (Named::default(), parts(text));
    let (ids, names): (Vec<&str>, Vec<&str>) = parts.iter().partition(|part| is_id(part));
    if parts.len() > MAX_PARTS.0 || names.len() > MAX_PARTS.1 {
        return Ok(Err(format!("Type at most {} names or {} ids at once.", MAX_PARTS.1, MAX_PARTS.0)));
    }
    if parts.len() > 1 && !names.is_empty() {
        // A name may have a comma.
        let found = by_name(app, organization, meant, text.trim()).await?;
        if !found.is_empty() {
            named.add(&found);
            return Ok(Ok(named));
        }
    }
    let found = by_ids(app, organization, ids.iter().map(|id| (*id).to_owned()).collect()).await?;
    named.add(&ids.iter().map(|id| name_of(&found, id)).collect::<Vec<_>>());
    for name in names {
        let found = by_name(app, organization, meant, name).await?;
        if found.is_empty() {
            return Ok(Err(match meant {
                Meant::Actors => format!(
                    "“{name}” is no person and no service account of this workspace. Type a name, an e-mail address, a client id or another id."
                ),
                Meant::Subjects => format!(
                    "“{name}” is the key or the name of nothing in this workspace. Type a whole key, the name of a person or a service account, or any id."
                ),
            }));
        }
        named.add(&found);
    }
    Ok(Ok(named))
}

async fn by_name(
    app: &App,
    organization: OrganizationId,
    meant: Meant,
    text: &str,
) -> Result<Vec<RecordName>, Problem> {
    if meant == Meant::Subjects {
        let found = of_any_kind(app, organization, text).await?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    actors_named(app, organization, text).await
}

/// Loads the names of the subjects of entries.
///
/// # Errors
/// The error response if the store fails.
pub(in crate::pages) async fn of_subjects(
    app: &App,
    organization: OrganizationId,
    entries: &[StoredEntry],
) -> Result<RecordNames, Problem> {
    let subjects = entries.iter().filter_map(|stored| stored.entry.subject.as_ref());
    by_ids(app, organization, subjects.map(|subject| subject.id.clone()).collect()).await
}

async fn by_ids(app: &App, organization: OrganizationId, ids: BTreeSet<String>) -> Result<RecordNames, Problem> {
    let mut names = load_names(app, organization, &ids).await?;
    let accounts: Vec<AccountId> = ids.iter().filter_map(|id| id.parse().ok()).collect();
    if !accounts.is_empty() {
        let accounts = Reader::<ServiceAccount>::get_many(&*app.services.store, organization, &accounts).await?;
        names.extend(accounts.iter().map(account_name).collect());
    }
    Ok(names)
}

/// The people and accounts with this e-mail address or name, of the first 500 of each; a name may be that of several.
async fn actors_named(app: &App, organization: OrganizationId, text: &str) -> Result<Vec<RecordName>, Problem> {
    let store = &*app.services.store;
    if let Ok(email) = parse_user_email(text) {
        let users = Reader::<User>::get_by_keys(store, organization, &[email.as_str()]).await?;
        return Ok(users.iter().map(person_name).collect());
    }
    let is_meant = |name: &str| name.to_lowercase() == text.to_lowercase();
    let users: Vec<Stored<User>> = Reader::<User>::get_by_key_ranges(store, organization, &[ALL_KEYS]).await?;
    let accounts = Reader::<ServiceAccount>::get_by_key_ranges(store, organization, &[ALL_KEYS]).await?;
    let people = users.iter().filter(|user| is_meant(user.record.name.as_str())).map(person_name);
    let mut found: Vec<RecordName> = people.collect();
    found.extend(accounts.iter().filter(|account| is_meant(account.record.name.as_str())).map(account_name));
    if found.is_empty() {
        let accounts = Reader::<ServiceAccount>::get_by_keys(store, organization, &[text]).await?;
        found.extend(accounts.iter().map(account_name));
    }
    Ok(found)
}

fn account_name(account: &Account) -> RecordName {
    RecordName {
        id: account.meta.id.to_string(),
        key: None,
        title: account.record.name.to_string(),
        status: None,
        href: Some(format!("{ACCOUNTS}/{}", account.meta.id)),
    }
}

fn parts(text: &str) -> Vec<&str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect()
}

/// Whether the text is an identifier of any kind of record.
fn is_id(text: &str) -> bool {
    text.rsplit_once('_')
        .is_some_and(|(prefix, ulid)| !prefix.is_empty() && ulid.len() == 26 && ulid.parse::<Ulid>().is_ok())
}

/// The name of what has this identifier, which is the identifier itself if it has no other.
fn name_of(names: &RecordNames, id: &str) -> RecordName {
    let unnamed = || RecordName { id: id.to_owned(), key: None, title: id.to_owned(), status: None, href: None };
    names.get(id).cloned().unwrap_or_else(unnamed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_no_name() {
        assert!(is_id("svc_01M8PTRM7V3M0000000000C633") && is_id("user_01M8PTRM7V3M0000000000C633"));
        for name in ["Dana Whitlock", "scan_0011", "svc_unknown", "_01M8PTRM7V3M0000000000C633", "IA-1"] {
            assert!(!is_id(name), "{name}");
        }
        assert_eq!(parts(" a , b,,"), ["a", "b"]);
    }
}
