//! The limits on the bytes of attachments that accounts and organizations have stored.
//!
//! The bytes are counted in the writes that change them. An upload is compared with the limits when it begins and while
//! its bytes arrive, together with all others that this server is receiving, so that no file is received in vain. The
//! commit compares again, so that uploads to several servers at once don't exceed the limits either.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use evidence::MAX_ATTACHMENTS;
use http_api::{App, request::ApiRequest, response::Problem};
use kernel::{Changeset, Ulid};

/// The `Retry-After` of an account with too many attachments that no claim has. It is a guess, because the removal of each
/// depends on the time of its upload.
const UNLINKED_RETRY_AFTER: Duration = Duration::from_secs(600);

/// The `Retry-After` of a person who sends too many files at the same time.
const ARRIVING_RETRY_AFTER: Duration = Duration::from_secs(60);

/// The limits of attachments.
#[derive(Clone, Copy, Debug)]
pub struct AttachmentLimits {
    /// The maximum size of an attachment, in bytes.
    pub max_bytes: u64,
    /// The maximum size of all attachments of an account that are not linked to a claim, in bytes; `None` for no limit.
    pub max_unlinked_bytes: Option<u64>,
    /// The maximum size of all attachments of an organization, of which equal ones count once, in bytes; `None` for no
    /// limit.
    pub max_organization_bytes: Option<u64>,
}

impl AttachmentLimits {
    /// The maximum size of all files that one claim of a person is made with, in bytes.
    #[must_use]
    pub fn max_bytes_of_claim(&self) -> u64 {
        let all = self.max_bytes.saturating_mul(MAX_ATTACHMENTS as u64);
        self.max_unlinked_bytes.map_or(all, |max| max.min(all))
    }

    /// The limits on what an account, or a person, and their organization have stored. That of the organization is the last.
    fn stored(&self, request: &ApiRequest) -> Result<Vec<StoredLimit>, Problem> {
        let principal = request.principal()?;
        let limit = |scope, holder, max: Option<u64>| max.map(|max| StoredLimit { scope, holder, max });
        let scope = if principal.user().is_ok() { LimitScope::Arriving } else { LimitScope::Unlinked };
        let account = limit(scope, principal.id(), self.max_unlinked_bytes);
        let organization =
            limit(LimitScope::Organization, principal.organization().ulid(), self.max_organization_bytes);
        Ok(account.into_iter().chain(organization).collect())
    }
}

/// The attachments that a limit is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LimitScope {
    /// The attachments of an account that are not linked to a claim.
    Unlinked,
    /// The files that a person is sending, which are linked to their claim at once.
    Arriving,
    /// All attachments of an organization.
    Organization,
}

/// A limit on what a holder has stored.
#[derive(Clone, Copy, Debug)]
struct StoredLimit {
    scope: LimitScope,
    holder: Ulid,
    max: u64,
}

impl StoredLimit {
    /// Checks that the holder, who has stored `used` bytes, may store `more`.
    fn check(&self, used: u64, more: u64) -> Result<(), Problem> {
        let max = self.max;
        if used.saturating_add(more) <= max {
            return Ok(());
        }
        Err(match self.scope {
            LimitScope::Unlinked => Problem::too_much_stored(
                format!(
                    "the attachments of this account that are not linked to a claim, with those that it is uploading, have {used} \
                     of at most {max} bytes: link them to claims, or wait until they are removed 24 hours after their upload"
                ),
                UNLINKED_RETRY_AFTER,
            ),
            LimitScope::Arriving => Problem::too_much_stored(
                format!(
                    "the files that you are sending at the same time may have at most {max} bytes: send fewer with one claim, or \
                     wait until the others have arrived"
                ),
                ARRIVING_RETRY_AFTER,
            ),
            LimitScope::Organization => Problem::insufficient_storage(format!(
                "the attachments of this organization, with those that it is uploading, have {used} of at most {max} bytes: ask \
                 the operator of the server to raise the limit"
            )),
        })
    }
}

/// The bytes that this server is receiving, by their holders.
#[derive(Default)]
pub(crate) struct ReceivedBytes(Mutex<HashMap<Ulid, u64>>);

impl ReceivedBytes {
    fn lock(&self) -> MutexGuard<'_, HashMap<Ulid, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The room for a file that is being received, until it is stored or discarded.
pub(crate) struct ReservedRoom {
    received: Arc<ReceivedBytes>,
    /// The limits, each with what the holder had stored when the file began to arrive.
    limits: Vec<(StoredLimit, u64)>,
    bytes: u64,
}

impl ReservedRoom {
    /// Begins to receive a file, which is linked to a claim at once, or later.
    pub(crate) async fn begin(
        app: &App,
        request: &ApiRequest,
        limits: &AttachmentLimits,
        received: &Arc<ReceivedBytes>,
        is_linked: bool,
    ) -> Result<Self, Problem> {
        let mut limits = limits.stored(request)?;
        limits.retain(|limit| !is_linked || limit.scope == LimitScope::Organization);
        let used = stored(app, request, &limits).await?;
        Ok(Self { received: Arc::clone(received), limits: limits.into_iter().zip(used).collect(), bytes: 0 })
    }

    /// Reserves room for this many bytes of the file in all.
    ///
    /// # Errors
    /// The error response if its holders may not store as much.
    pub(crate) fn reserve(&mut self, bytes: u64) -> Result<(), Problem> {
        let more = bytes.saturating_sub(self.bytes);
        let mut received = self.received.lock();
        for (limit, used) in &self.limits {
            let others = received.get(&limit.holder).copied().unwrap_or_default();
            limit.check(used.saturating_add(others), more)?;
        }
        for (limit, _) in &self.limits {
            *received.entry(limit.holder).or_default() += more;
        }
        self.bytes += more;
        Ok(())
    }
}

impl Drop for ReservedRoom {
    fn drop(&mut self) {
        let mut received = self.received.lock();
        for (limit, _) in &self.limits {
            if let Entry::Occupied(mut bytes) = received.entry(limit.holder) {
                *bytes.get_mut() = bytes.get().saturating_sub(self.bytes);
                if *bytes.get() == 0 {
                    bytes.remove();
                }
            }
        }
    }
}

/// Checks that the holders may have what the changeset adds, and has the commit check it again.
///
/// # Errors
/// The error response if one of them may not.
pub(crate) async fn check_limits(
    app: &App,
    request: &ApiRequest,
    limits: &AttachmentLimits,
    changeset: &mut Changeset,
) -> Result<(), Problem> {
    let mut limits = limits.stored(request)?;
    let added = |changeset: &Changeset, limit: &StoredLimit| {
        let change = changeset.usage().iter().find(|change| change.holder == limit.holder);
        change.and_then(|change| u64::try_from(change.bytes).ok()).unwrap_or_default()
    };
    limits.retain(|limit| added(changeset, limit) > 0);
    let used = stored(app, request, &limits).await?;
    for (limit, used) in limits.into_iter().zip(used) {
        limit.check(used, added(changeset, &limit))?;
        changeset.limit_usage(limit.holder, limit.max);
    }
    Ok(())
}

/// Returns what the holder of each limit has stored.
async fn stored(app: &App, request: &ApiRequest, limits: &[StoredLimit]) -> Result<Vec<u64>, Problem> {
    if limits.is_empty() {
        return Ok(Vec::new());
    }
    let holders: Vec<Ulid> = limits.iter().map(|limit| limit.holder).collect();
    Ok(app.services.store.stored_bytes(request.principal()?.organization(), &holders).await?)
}
