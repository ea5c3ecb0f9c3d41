//! What the audit log keeps of a call, before it has its place in the chain (contract v1 § 8).

use std::{borrow::Cow, fmt, sync::Arc};

use crate::{
    id::{Id, Named, RequestId},
    organization::OrganizationId,
    text::Reason,
    timestamp::Timestamp,
};

/// One entry of the audit log.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Names the entry.
    pub id: Id<Entry>,
    /// In whose log it stands; [`crate::Organization::installation`] for the installation's own.
    pub organization: OrganizationId,
    /// When it happened.
    pub occurred_at: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// What was done.
    pub action: Action,
    /// What it was done to, where that is one thing.
    pub subject: Option<Subject>,
    /// Why, where the call gives a reason.
    pub reason: Option<Reason>,
    /// What changed, field by field.
    pub changes: Vec<Change>,
    /// How the call came in.
    pub origin: Origin,
    /// The status of the answer, where there is one.
    pub status: Option<u16>,
}

impl Named for Entry {
    const PREFIX: &'static str = "aud";
}

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Which sort of actor.
    pub kind: ActorKind,
    /// Its identifier, prefix included, where it has one.
    pub id: Option<Arc<str>>,
    /// Its name at the time.
    pub name: Arc<str>,
}

/// Which sort of actor acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ActorKind {
    /// An integration with credentials of its own.
    ServiceAccount,
    /// A person of the web app.
    User,
    /// The installation itself, or an operator at its command line.
    System,
}

impl ActorKind {
    /// The word the audit log has for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ServiceAccount => "service_account",
            Self::User => "user",
            Self::System => "system",
        }
    }

    /// The kind with this word.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::ServiceAccount, Self::User, Self::System].into_iter().find(|kind| kind.name() == name)
    }
}

/// What was done, as `<subject>.<past participle>`: `finding.created`, `token.issued`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Action(pub Cow<'static, str>);

impl Action {
    /// A known action.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self(Cow::Borrowed(name))
    }

    /// The word for it.
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

/// What an action was done to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The kind's word: `finding`.
    pub kind: Cow<'static, str>,
    /// Its identifier, prefix included.
    pub id: String,
}

impl Subject {
    /// The record with this identifier.
    #[must_use]
    pub fn of<R: crate::Resource>(id: Id<R>) -> Self {
        Self { kind: Cow::Borrowed(R::KIND.name()), id: id.to_string() }
    }
}

/// One field that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// The field's name in the domain: `due_at`.
    pub field: Cow<'static, str>,
    /// What it held.
    pub before: FieldValue,
    /// What it holds.
    pub after: FieldValue,
}

/// What a field can hold, as far as the audit log tells values apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FieldValue {
    /// Nothing.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number within ±2⁵³, where every JSON reader is exact.
    Integer(i64),
    /// A text; timestamps, identifiers and decimals are texts too.
    Text(String),
    /// Several texts.
    Texts(Vec<String>),
}

impl<T: fmt::Display> From<Option<T>> for FieldValue {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, |value| Self::Text(value.to_string()))
    }
}

/// How a call came in. Opaque to the domain, which only passes it on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Names the request; the same in the answer and the logs.
    pub request_id: Id<RequestId>,
    /// The request's method, where it has one.
    pub method: Option<Cow<'static, str>>,
    /// The route's template, or the command.
    pub route: Option<Cow<'static, str>>,
    /// The caller's network address.
    pub source_address: Option<String>,
    /// What the caller calls itself.
    pub user_agent: Option<String>,
}
