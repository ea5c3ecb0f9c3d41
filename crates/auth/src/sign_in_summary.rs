//! How a user signs in, as lists show it.

use kernel::Timestamp;

use crate::user::UserId;

/// How a user signs in, without any secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInSummary {
    /// The user.
    pub user: UserId,
    /// The time at which the authenticator app was enrolled, if there is one.
    pub second_factor_since: Option<Timestamp>,
    /// The number of passkeys.
    pub passkeys: usize,
    /// The time of the last completed sign-in, as a session that is not over or a recent audit entry about the user says.
    pub last_sign_in: Option<Timestamp>,
}

impl SignInSummary {
    /// The action of the audit entries of completed sign-ins.
    pub const SIGNED_IN: &str = "user.signed_in";

    /// The number of audit entries about a user among which a store looks for the last sign-in.
    pub const MAX_ENTRIES: usize = 100;
}
