//! The route of a request, as its operation declares it.

use auth::Permission;
use scopes::Scope;

/// The declarations of an operation that the handling of its requests depends on.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// The path, with `{name}` for each parameter.
    pub path: &'static str,
    /// The callers that may use it.
    pub access: Access,
    /// The bucket that a request is charged to.
    pub charge: Charge,
}

/// The callers that may use an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A service account with this scope.
    Scope(Scope),
    /// A person who has signed in and has this permission.
    Permission(Permission),
    /// A person who has signed in.
    SignedIn,
    /// Anyone: the endpoint does its own authentication, or needs none.
    Public,
    /// The placeholder for requests that match no route.
    Unmatched,
    /// The placeholder for requests below the paths of a surface for people that match none of them. A session is only
    /// used for the audit log, the rate limit and the page with the error.
    UnmatchedPage,
}

/// The rate limit bucket of the account that a request is charged to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charge {
    /// The bucket for requests that only read.
    Read,
    /// The bucket for requests that write.
    Write,
}
