//! The argument that says which installation a restored or copied one is.

use clap::Args;

use crate::compose::CopyPurpose;

/// Whether a restored or copied installation continues the original.
#[derive(Debug, Args)]
pub(super) struct IdentityArg {
    /// The original never runs again, and this installation takes its place: with the same identity, token signing keys
    /// and webhooks. Otherwise it is another installation: tokens of one are not valid at the other, and its webhooks
    /// are paused.
    #[arg(long)]
    replaces_original: bool,
}

impl IdentityArg {
    pub(super) fn purpose(&self) -> CopyPurpose {
        if self.replaces_original { CopyPurpose::Move } else { CopyPurpose::Duplicate }
    }

    /// Describes what becomes of the identity.
    pub(super) fn description(&self) -> &'static str {
        match self.purpose() {
            CopyPurpose::Move => {
                "it continues the original, which must not run again: two servers would accept each other's tokens and send \
                 every webhook twice"
            }
            CopyPurpose::Duplicate => {
                "it is another installation than the original: tokens of the original are not valid here, and webhooks are \
                 paused until `novantra webhooks resume`"
            }
        }
    }
}
