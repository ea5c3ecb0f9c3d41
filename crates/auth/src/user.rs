//! Users: the people of an organization.

use kernel::{Id, RecordKey, Rule, Stored, Text, TextError, Title, is_allowed_in_line, record, string_enum};

use crate::role::Role;

record! {
    /// A person who signs in to the web app. Each user belongs to one organization; the same email address may belong
    /// to users of several organizations, which have nothing in common. Credentials are stored apart from the record.
    #[record(kind = User, prefix = "user", plural = "users")]
    pub struct User {
        /// The display name.
        #[column(title, example("Morgan Halloran"))]
        pub name: Title,
        /// The email address in lower case, unique in the organization.
        #[column(key, example("m.halloran@brackwater.example"))]
        pub email: UserEmail,
        /// The role.
        #[column(filter(Unindexed), example("lead"))]
        pub role: Role,
        /// Whether the user may sign in.
        #[column(filter(Unindexed), example("active"))]
        pub status: UserStatus,
        /// The IANA time zone in which the user sees times; that of the workspace if it is absent.
        #[column(example("America/Denver"))]
        pub timezone: Option<RecordKey>,
    }
}

string_enum! {
    /// The status of a user.
    UserStatus {
        /// An invitation was issued, and the user has not set a password yet.
        Invited = "invited",
        /// The user may sign in.
        Active = "active",
        /// The user may not sign in, and their sessions are over.
        Disabled = "disabled",
    }
}

/// The identifier of a user.
pub type UserId = Id<User>;

/// A user with the metadata of the record.
pub type StoredUser = Stored<User>;

/// The validation rule of [`UserEmail`].
#[derive(Debug)]
pub enum UserEmailRule {}

impl Rule for UserEmailRule {
    const DESCRIPTION: &'static str = "must be an email address";
    const PATTERN: &'static str = r"^[^@\s]+@[^@\s]+$";
    const MIN: usize = 3;
    const MAX: usize = 254;
    const TRIMMED: bool = true;

    fn allows(text: &str) -> bool {
        let is_address = text.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && is_domain(domain));
        is_address && text.chars().all(|c| is_allowed_in_line(c) && !c.is_whitespace()) && folded(text) == text
    }
}

fn is_domain(domain: &str) -> bool {
    !domain.is_empty() && !domain.contains('@')
}

/// Folds the case of a text.
fn folded(text: &str) -> String {
    text.to_lowercase()
}

/// The email address that a user signs in with, in lower case.
pub type UserEmail = Text<UserEmailRule>;

/// Parses an email address in any case.
///
/// # Errors
/// [`TextError`] if it is not an email address.
pub fn parse_user_email(text: &str) -> Result<UserEmail, TextError> {
    UserEmail::parse(&folded(text))
}

impl User {
    /// Creates a user who is invited and has no password yet.
    #[must_use]
    pub const fn invited(name: Title, email: UserEmail, role: Role) -> Self {
        Self { name, email, role, status: UserStatus::Invited, timezone: None }
    }

    /// Whether the user may sign in and act.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.status == UserStatus::Active
    }

    /// Returns the user with another status.
    #[must_use]
    pub fn with_status(&self, status: UserStatus) -> Self {
        Self { status, ..self.clone() }
    }

    /// Returns the user with another role.
    #[must_use]
    pub fn with_role(&self, role: Role) -> Self {
        Self { role, ..self.clone() }
    }
}
