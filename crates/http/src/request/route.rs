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

/// The rate limit bucket that a request is charged to. At an endpoint that is open to anyone, reads and writes are charged
/// to the same one, that of the address or of the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charge {
    /// The bucket for requests that only read.
    Read,
    /// The bucket for requests that write.
    Write,
    /// None, for a file that is part of the program and that every page needs. Only endpoints that are open to anyone may
    /// be free.
    Free,
}
