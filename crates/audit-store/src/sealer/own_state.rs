//! The state that the sealer remembers about itself. It is stored like the state of a writer, under the nil identifier.

use std::collections::BTreeSet;

use audit::tables::WaitingKey;
use kernel::{OrganizationId, Timestamp, Ulid};

use super::state::{put_time, time};
use crate::bytes::{Unread, put_number, put_ulid};

/// The identifier under which it is stored.
pub(super) const SEALER: Ulid = Ulid(0);

/// Maximum number of refused rows that are remembered, and so reported in the log. Someone who makes more has been
/// reported.
const MAX_REFUSED: usize = 256;

const VERSION: u8 = 1;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct OwnState {
    /// As of a writer's state.
    pub(super) version: u64,
    /// The time at which the heads were last named in the installation's log.
    pub(super) heads_named_at: Option<Timestamp>,
    /// The rows that were refused and are left as evidence.
    refused: BTreeSet<WaitingKey>,
}

impl OwnState {
    pub(super) fn has_refused(&self, key: &WaitingKey) -> bool {
        self.refused.contains(key)
    }

    /// Adds a refused row. Returns whether it is one to report.
    pub(super) fn refuse(&mut self, key: WaitingKey) -> bool {
        self.refused.len() < MAX_REFUSED && self.refused.insert(key)
    }

    /// Forgets the refused rows that no longer exist.
    pub(super) fn retain_refused(&mut self, existing: &BTreeSet<WaitingKey>) {
        self.refused.retain(|key| existing.contains(key));
    }

    /// Encodes it as this version.
    pub(super) fn encode(&self, version: u64) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        put_number(&mut bytes, version);
        put_time(&mut bytes, self.heads_named_at.unwrap_or(Timestamp::from_millis(0)));
        put_number(&mut bytes, self.refused.len() as u64);
        for key in &self.refused {
            put_ulid(&mut bytes, key.organization.ulid());
            put_ulid(&mut bytes, key.id);
        }
        bytes
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut unread = Unread(bytes);
        unread.byte().filter(|version| *version == VERSION)?;
        let version = unread.number()?;
        let heads_named_at = Some(time(&mut unread)?).filter(|at| at.millis() > 0);
        let mut refused = BTreeSet::new();
        for _ in 0..unread.length().filter(|count| *count <= MAX_REFUSED)? {
            refused.insert(WaitingKey { organization: OrganizationId::new(unread.ulid()?), id: unread.ulid()? });
        }
        unread.0.is_empty().then_some(Self { version, heads_named_at, refused })
    }
}
