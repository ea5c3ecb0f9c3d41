//! The bytes that are stored outside of the database for the records of a changeset.

use ulid::Ulid;

use super::Changeset;

/// A change of the bytes that a holder has stored outside of the database. It is counted with the write that causes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UsageChange {
    /// The holder: the organization of the changeset, or one of its accounts.
    pub holder: Ulid,
    /// The bytes that are added; negative if bytes are removed.
    pub bytes: i64,
    /// The most bytes that the holder may have after bytes are added; `None` for no limit.
    pub max: Option<u64>,
}

impl UsageChange {
    /// Whether the holder may have this many bytes after the change. One that removes bytes is always allowed.
    #[must_use]
    pub fn allows(&self, bytes: i64) -> bool {
        self.bytes <= 0 || self.max.is_none_or(|max| u64::try_from(bytes).is_ok_and(|bytes| bytes <= max))
    }
}

impl Changeset {
    /// Adds bytes to what the holder has stored, or removes some if `bytes` is negative.
    pub fn change_usage(&mut self, holder: Ulid, bytes: i64) {
        match self.usage.iter_mut().find(|change| change.holder == holder) {
            Some(change) => change.bytes = change.bytes.saturating_add(bytes),
            None => self.usage.push(UsageChange { holder, bytes, max: None }),
        }
        self.usage.retain(|change| change.bytes != 0);
        // In one order everywhere, so that no two transactions wait for each other.
        self.usage.sort_unstable_by_key(|change| change.holder);
    }

    /// Limits the bytes that the holder may have stored after this changeset, if it adds some. The commit fails with
    /// [`Conflict::Usage`](crate::Conflict::Usage) if they are more.
    pub fn limit_usage(&mut self, holder: Ulid, max: u64) {
        for change in self.usage.iter_mut().filter(|change| change.holder == holder) {
            change.max = Some(max);
        }
    }

    /// The changes of what is stored outside of the database, one for each holder, in the order of the holders.
    #[must_use]
    pub fn usage(&self) -> &[UsageChange] {
        &self.usage
    }
}
