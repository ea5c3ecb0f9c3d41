//! The heads that another sealer has stored and may not have logged. They are read after a round was stored, a page in each
//! round: reading those of many organizations takes longer than the lease lasts.

use std::collections::VecDeque;

use kernel::{OrganizationId, Timestamp};

use super::{Sealer, round::Round};
use crate::heads::{ReadHeads, chains, read_heads};

/// Number of heads that are read in a round.
const PAGE: usize = 500;

/// The chains whose heads were not looked at; `None` before they were listed.
#[derive(Default)]
pub(super) struct Unlogged(Option<VecDeque<OrganizationId>>);

impl Unlogged {
    /// Whether some of them are listed and not looked at.
    pub(super) fn has_more(&self) -> bool {
        self.0.as_ref().is_some_and(|left| !left.is_empty())
    }
}

impl Sealer {
    /// Adds the checkpoints of the next heads to those of the round.
    pub(super) async fn find_unlogged(&mut self, round: &mut Round, now: Timestamp) {
        let tables = &self.context.tables;
        // A failure must not drop what was stored. The next round fails as well, or reads them.
        if self.unlogged.0.is_none() {
            let Ok(organizations) = chains(&**tables).await else { return };
            self.unlogged.0 = Some(organizations.into());
        }
        let left = self.unlogged.0.get_or_insert_default();
        let page: Vec<OrganizationId> = left.iter().take(PAGE).copied().collect();
        if page.is_empty() {
            return;
        }
        // Chains whose heads can't be read are reported when they are sealed.
        if let Ok(ReadHeads { heads, .. }) = read_heads(&**tables, &page).await {
            left.drain(..page.len());
            round.checkpoints.extend(self.chains.find_recent(&heads, &*self.context.keys.checkpoints, now));
        }
        round.more |= self.unlogged.has_more();
    }
}
