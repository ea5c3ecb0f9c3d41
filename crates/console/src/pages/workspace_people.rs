//! The people of the workspace, as a picker offers them to those who may see them.

use auth::{Permission, User, UserId, UserStatus, parse_user_email};
use http_api::{pipeline::App, request::ApiRequest, response::Problem};
use kernel::{Reader, Stored};

use super::references::person_name;
use crate::registers::RecordName;

/// The fault of a text that names no person.
pub(crate) const NOBODY: &str =
    "is nobody in this workspace. Choose a person from the list, or type their email address.";

/// All keys: no text is before the first or after the last.
const ALL_KEYS: std::ops::Range<&str> = "".."\u{10ffff}";

/// The people of the workspace who may sign in, or are invited to: the first 500 by email address.
#[derive(Clone, Debug, Default)]
pub(crate) struct WorkspacePeople(Vec<RecordName>);

impl WorkspacePeople {
    /// Loads the people, if whoever asks may see them.
    ///
    /// # Errors
    /// The error response if the store fails.
    pub(crate) async fn load(app: &App, request: &ApiRequest) -> Result<Self, Problem> {
        let principal = request.principal()?;
        if !principal.user()?.caller.user.record.role.permits(Permission::ReadPeople) {
            return Ok(Self::default());
        }
        let (store, organization) = (&*app.services.store, principal.organization());
        let mut users: Vec<Stored<User>> = Reader::<User>::get_by_key_ranges(store, organization, &[ALL_KEYS]).await?;
        users.retain(|user| user.record.status != UserStatus::Disabled);
        users.sort_by_cached_key(|user| user.record.name.as_str().to_lowercase());
        Ok(Self(users.iter().map(person_name).collect()))
    }

    /// The people, by name.
    pub(crate) fn all(&self) -> &[RecordName] {
        &self.0
    }

    /// The person with this identifier, email address or, if nobody else has it, name.
    pub(crate) fn find(&self, text: &str) -> Option<&RecordName> {
        let email = parse_user_email(text).ok();
        let is_meant = |person: &&RecordName| {
            person.id == text || email.as_ref().is_some_and(|email| person.key.as_deref() == Some(email.as_str()))
        };
        let has_name = |person: &&RecordName| person.title.to_lowercase() == text.to_lowercase();
        self.0.iter().find(is_meant).or_else(|| {
            let mut named = self.0.iter().filter(has_name);
            named.next().filter(|_| named.next().is_none())
        })
    }

    /// The person with this identifier, email address or name; one whom the list does not have is looked up.
    ///
    /// # Errors
    /// The error response if the store fails.
    pub(crate) async fn look_up(
        &self,
        app: &App,
        request: &ApiRequest,
        text: &str,
    ) -> Result<Option<RecordName>, Problem> {
        if let Some(person) = self.find(text) {
            return Ok(Some(person.clone()));
        }
        let (store, organization) = (&*app.services.store, request.principal()?.organization());
        let found = match (text.parse::<UserId>(), parse_user_email(text)) {
            (Ok(id), _) => Reader::<User>::get(store, organization, id).await?,
            // Those who may not see people do not learn who has an email address.
            (_, Ok(email)) if !self.0.is_empty() => {
                Reader::<User>::get_by_keys(store, organization, &[email.as_str()]).await?.pop()
            }
            _ => None,
        };
        Ok(found.as_ref().map(person_name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(id: &str, name: &str, email: &str) -> RecordName {
        RecordName { id: id.to_owned(), key: Some(email.to_owned()), title: name.to_owned(), status: None, href: None }
    }

    #[test]
    fn people_are_found_by_what_names_only_them() {
        let people = WorkspacePeople(vec![
            person("user_1", "Dana Whitlock", "dana@b.example"),
            person("user_2", "Kim Lee", "kim@b.example"),
            person("user_3", "Kim Lee", "lee@b.example"),
        ]);
        let id = |text: &str| people.find(text).map(|person| person.id.as_str());
        assert_eq!(
            (id("dana whitlock"), id("Dana@B.example"), id("user_3")),
            (Some("user_1"), Some("user_1"), Some("user_3"))
        );
        assert_eq!((id("Kim Lee"), id("Dana"), id("")), (None, None, None));
    }
}
