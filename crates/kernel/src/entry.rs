//! Entries of the audit log, before they are sealed into its hash chain (contract v1 § 8).

use std::{borrow::Cow, fmt, sync::Arc};

use crate::{
    id::{HasIdPrefix, Id, RequestId},
    organization::OrganizationId,
    text::Reason,
    timestamp::Timestamp,
};

/// One entry of the audit log.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The entry's identifier.
    pub id: Id<Entry>,
    /// The organization whose log the entry belongs to; [`OrganizationId::INSTALLATION`] for the installation's own
    /// log.
    pub organization: OrganizationId,
    /// The time of the call.
    pub occurred_at: Timestamp,
    /// The server's clock at the time of the call, if [`Self::occurred_at`] differs from it by more than a second: no
    /// time in the log is before a watermark that was returned to clients, even after the clock was set back.
    pub wall_clock: Option<Timestamp>,
    /// The actor that made the call.
    pub actor: Actor,
    /// The action that was performed.
    pub action: Action,
    /// The record the action was performed on, if it is a single one.
    pub subject: Option<Subject>,
    /// The reason the call gives, if any.
    pub reason: Option<Reason>,
    /// The fields that changed.
    pub changes: Vec<Change>,
    /// The request or command the action was performed with.
    pub origin: Origin,
    /// The HTTP status of the response, if there is one.
    pub status: Option<u16>,
}

impl HasIdPrefix for Entry {
    const PREFIX: &'static str = "aud";
}

/// The account, person or system that performs an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// The kind of actor.
    pub kind: ActorKind,
    /// The actor's identifier with its prefix, if it has one.
    pub id: Option<Arc<str>>,
    /// The actor's name at the time of the action.
    pub name: Arc<str>,
}

/// The kind of an actor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActorKind {
    /// An integration with credentials of its own.
    ServiceAccount,
    /// A person who uses the web app.
    User,
    /// The installation itself, or an operator at its command line.
    System,
}

impl ActorKind {
    /// The name of this kind in the audit log.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ServiceAccount => "service_account",
            Self::User => "user",
            Self::System => "system",
        }
    }

    /// Returns the kind with this name in the audit log.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::ServiceAccount, Self::User, Self::System].into_iter().find(|kind| kind.name() == name)
    }
}

/// The name of an action, as `<subject>.<past participle>`: `finding.created`, `token.issued`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Action(pub Cow<'static, str>);

impl Action {
    /// Creates an action with a static name.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// Creates the action on a record of this kind: `control.created`.
    #[must_use]
    pub fn on_record(kind: crate::Kind, participle: &str) -> Self {
        Self(Cow::Owned(format!("{}.{participle}", kind.name())))
    }

    /// The action's name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The record or thing an action was performed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The name of its kind: `finding`.
    pub kind: Cow<'static, str>,
    /// Its identifier with its prefix.
    pub id: String,
}

impl Subject {
    /// Creates the subject for the record with this identifier.
    #[must_use]
    pub fn from_id<R: crate::Resource>(id: Id<R>) -> Self {
        Self { kind: Cow::Borrowed(R::KIND.name()), id: id.to_string() }
    }
}

/// The change of one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The field's name in the domain: `due_at`.
    pub field: Cow<'static, str>,
    /// The value before the change.
    pub before: FieldValue,
    /// The value after the change.
    pub after: FieldValue,
}

/// The value of a field, as the audit log stores it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldValue {
    /// No value.
    Null,
    /// A boolean.
    Bool(bool),
    /// An integer within ±2⁵³, the range that every JSON parser represents exactly.
    Integer(i64),
    /// A string; timestamps, identifiers and decimals are stored as strings, too.
    Text(String),
    /// A list of strings.
    Texts(Vec<String>),
}

impl<T: fmt::Display> From<Option<T>> for FieldValue {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, |value| Self::Text(value.to_string()))
    }
}

/// The request or command that an action was performed with. Opaque to the domain, which only passes it on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The request's identifier, which the response and the logs carry, too.
    pub request_id: Id<RequestId>,
    /// The HTTP method, if there is one.
    pub method: Option<Cow<'static, str>>,
    /// The template of the route, or the name of the command.
    pub route: Option<Cow<'static, str>>,
    /// The caller's network address.
    pub source_address: Option<String>,
    /// The caller's `User-Agent`.
    pub user_agent: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kind, Organization, Ulid};

    #[test]
    fn every_kind_of_actor_is_read_back_from_its_name() {
        for (kind, name) in
            [(ActorKind::ServiceAccount, "service_account"), (ActorKind::User, "user"), (ActorKind::System, "system")]
        {
            assert_eq!(kind.name(), name);
            assert_eq!(ActorKind::from_name(name), Some(kind));
        }
        assert_eq!(ActorKind::from_name("nobody"), None);
    }

    #[test]
    fn the_action_on_a_record_names_its_kind() {
        let action = Action::on_record(Kind::Control, "created");
        assert_eq!(action, Action::new("control.created"));
        assert_eq!((action.as_str(), action.to_string().as_str()), ("control.created", "control.created"));
    }

    #[test]
    fn a_subject_names_the_kind_and_the_identifier_of_its_record() {
        let id = Id::<Organization>::new(Ulid(1));
        assert_eq!(Subject::from_id(id), Subject { kind: "organization".into(), id: id.to_string() });
    }

    #[test]
    fn an_absent_value_is_null_and_others_are_texts() {
        assert_eq!(FieldValue::from(None::<u8>), FieldValue::Null);
        assert_eq!(FieldValue::from(Some(7)), FieldValue::Text("7".to_owned()));
    }
}
