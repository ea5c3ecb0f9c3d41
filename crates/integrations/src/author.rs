//! The author of changes of integrations.

use auth::{Permission, UserCaller, UserDenied};
use kernel::{Attribution, Entropy, OrganizationRef, Reason, Timestamp, WriteContext};

/// The author of a change: an operator at the command line, who may do everything, or a user.
#[derive(Clone, Debug)]
pub struct Author<'a> {
    attribution: Attribution,
    reason: &'a Reason,
    caller: Option<&'a UserCaller>,
    status: Option<u16>,
}

impl<'a> Author<'a> {
    /// The operator of the server, or the server itself.
    #[must_use]
    pub const fn operator(attribution: Attribution, reason: &'a Reason) -> Self {
        Self { attribution, reason, caller: None, status: None }
    }

    /// A user who has signed in. `status` is that of the response to a change that succeeds.
    #[must_use]
    pub const fn user(caller: &'a UserCaller, attribution: Attribution, reason: &'a Reason, status: u16) -> Self {
        Self { attribution, reason, caller: Some(caller), status: Some(status) }
    }

    /// Checks that the author may change integrations.
    pub(crate) fn require_management(&self) -> Result<(), UserDenied> {
        self.caller.map_or(Ok(()), |caller| caller.require(Permission::ManageIntegrations))
    }

    /// Checks that a user has proved recently who they are.
    pub(crate) fn require_recent(&self, now: Timestamp) -> Result<(), UserDenied> {
        self.caller.map_or(Ok(()), |caller| caller.require_recent(now))
    }

    pub(crate) const fn status(&self) -> Option<u16> {
        self.status
    }

    pub(crate) fn context<'c>(
        &'c self,
        organization: &'c OrganizationRef,
        entropy: &'c dyn Entropy,
    ) -> WriteContext<'c> {
        WriteContext { organization, attribution: &self.attribution, reason: Some(self.reason), entropy }
    }
}
