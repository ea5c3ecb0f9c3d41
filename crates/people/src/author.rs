//! The author of a change, and the browser that it comes from.

use std::net::IpAddr;

use auth::{Browser, Permission, UserCaller};
use kernel::{Attribution, Origin, Reason, Timestamp};

use crate::error::PeopleError;

/// The browser of a request.
#[derive(Clone, Debug)]
pub struct Client {
    /// The origin of the request, for the audit log.
    pub origin: Origin,
    /// The network address; `None` if it is unknown.
    pub address: Option<IpAddr>,
    /// The cookie of the device, as the browser sent it.
    pub device_cookie: Option<String>,
}

impl Client {
    pub(crate) fn browser(&self) -> Browser {
        Browser { source_address: self.origin.source_address.clone(), user_agent: self.origin.user_agent.clone() }
    }
}

/// The author of a change: an operator at the command line, who may do everything, or a user.
#[derive(Clone, Debug)]
pub struct Author<'a> {
    pub(crate) attribution: Attribution,
    pub(crate) reason: Option<&'a Reason>,
    pub(crate) caller: Option<&'a UserCaller>,
}

impl<'a> Author<'a> {
    /// The operator of the server.
    #[must_use]
    pub const fn operator(attribution: Attribution, reason: &'a Reason) -> Self {
        Self { attribution, reason: Some(reason), caller: None }
    }

    /// A user who has signed in.
    #[must_use]
    pub fn user(caller: &'a UserCaller, origin: Origin, reason: Option<&'a Reason>) -> Self {
        let attribution = Attribution { actor: caller.actor(), origin, actor_revision: Some(caller.actor_revision()) };
        Self { attribution, reason, caller: Some(caller) }
    }

    /// Checks that the author has the permission.
    pub(crate) fn require(&self, permission: Permission) -> Result<(), PeopleError> {
        Ok(self.caller.map_or(Ok(()), |caller| caller.require(permission))?)
    }

    /// Checks that the author has the permission and proved recently who they are.
    pub(crate) fn require_recent(&self, permission: Permission, now: Timestamp) -> Result<(), PeopleError> {
        self.require(permission)?;
        Ok(self.caller.map_or(Ok(()), |caller| caller.require_recent(now))?)
    }
}
