//! Audit entries of requests that change nothing: reads, refusals and replays (contract v1 § 8).
//!
//! A request that is charged to no account, because it was refused before, could be repeated as fast as the server
//! answers. So the first of those that are alike has an entry, which is stored before its response is sent. Those that
//! follow within a minute are only counted, also before their responses are sent, and share a second entry.

mod entry_sink;
mod first_calls;

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use kernel::{
    Action, Actor, ActorKind, Change, Entry, FieldValue, Id, OrganizationId, Origin, RepeatedCalls, StoreError,
    Subject, WriteTimestamp,
};

use self::{
    entry_sink::EntrySink,
    first_calls::{CallKind, FirstCall, FirstCalls, REPEAT_WINDOW},
};
use super::services::Services;
use crate::request::AuditIdentity;

/// The number of counts that are read at once.
const COUNTS_PER_READ: usize = 500;
/// A count that is due later than this was begun while the clock was ahead. It allows for the clocks of other servers.
const MAX_DUE_IN: Duration = Duration::from_secs(3 * 60);

/// The recorder of the audit entries of requests that change nothing.
pub(crate) struct AuditRecorder {
    sink: Arc<EntrySink>,
    first_calls: FirstCalls,
}

/// The data of an audit entry that depends on the request.
pub struct AuditNote {
    /// The action.
    pub action: Action,
    /// The record that the request is about.
    pub subject: Option<Subject>,
    /// The origin of the request.
    pub origin: Origin,
    /// The HTTP status of the response.
    pub status: u16,
    /// The changes. A request that changes nothing can still have the number of requests that the entry stands for.
    pub changes: Vec<Change>,
}

impl AuditRecorder {
    pub(crate) fn new(services: &Services) -> Self {
        let sink = EntrySink::new(Arc::clone(&services.store), !services.settings.durable_read_audit);
        Self { sink: Arc::new(sink), first_calls: FirstCalls::default() }
    }

    /// Records a request. When this returns, the entry is durable, or is buffered if the settings allow that.
    pub(crate) async fn record(
        &self,
        services: &Services,
        identity: Option<AuditIdentity<'_>>,
        note: AuditNote,
    ) -> Result<(), StoreError> {
        let (entry, timestamp) = new_entry(services, identity, note);
        self.sink.append(entry, timestamp).await
    }

    /// Records a request that may be repeated without limit. If one like it was recorded less than a minute ago, it is
    /// only counted. When this returns, the entry or the count is durable, or is buffered if the settings allow that.
    pub(crate) async fn record_repeatable(
        &self,
        services: &Services,
        identity: Option<AuditIdentity<'_>>,
        note: AuditNote,
    ) -> Result<(), StoreError> {
        let id = identity.map(|identity| identity.id);
        let now = services.clock.now();
        let begin = |kind: &CallKind| {
            let (entry, timestamp) = new_entry(services, identity, first_note(&note, kind));
            let (sink, entry_id) = (Arc::clone(&self.sink), entry.id);
            let stored = async move { sink.append(entry, timestamp).await.map_err(Arc::new) };
            FirstCall { entry: entry_id, at: now, stored: stored.boxed().shared() }
        };
        let (call, is_first) = self.first_calls.find_or_begin(id, &note, now, begin);
        // A call that repeats one whose entry is not stored yet waits for it, since the count refers to that entry.
        if let Err(error) = call.stored.clone().await {
            self.first_calls.forget(id, &call);
            return Err(shared_error(error));
        }
        if is_first {
            return Ok(());
        }
        let organization = identity.map_or(OrganizationId::INSTALLATION, |identity| identity.organization);
        let repeated = RepeatedCalls { organization, first: call.entry, due_at: call.at + REPEAT_WINDOW, calls: 1 };
        self.sink.count_repeated(repeated).await
    }

    /// Stores the entries for repeated calls whose minute is over, of any server, also of one that was killed.
    pub(crate) async fn record_repeated(&self, services: &Services) -> Result<(), StoreError> {
        let now = services.clock.now();
        self.first_calls.remove_past(now);
        let mut first_error = None;
        loop {
            let due = services.store.repeated_calls(now, now + MAX_DUE_IN, COUNTS_PER_READ).await?;
            let recorded = record_counts(services, &due, &mut first_error).await?;
            // A count that has changed since it was read is left to the next call.
            if due.len() < COUNTS_PER_READ || recorded == 0 {
                return first_error.map_or(Ok(()), Err);
            }
        }
    }

    /// Stores the entries for all calls that were repeated on this server, when it stops, and for those of any server
    /// whose minute is over.
    pub(crate) async fn finish(&self, services: &Services) -> Result<(), StoreError> {
        self.sink.drain().await;
        let own = self.first_calls.take_all();
        let now = services.clock.now();
        let end = now + REPEAT_WINDOW;
        let mut counts = services.store.repeated_calls(end, end, usize::MAX).await?;
        let is_due = |counted: &RepeatedCalls| counted.due_at <= now || counted.due_at > now + MAX_DUE_IN;
        counts.retain(|counted| own.contains(&counted.first) || is_due(counted));
        let mut first_error = None;
        record_counts(services, &counts, &mut first_error).await?;
        first_error.map_or(Ok(()), Err)
    }
}

/// Creates the entry of a request. Without an identity it is for the installation's log.
fn new_entry(services: &Services, identity: Option<AuditIdentity<'_>>, note: AuditNote) -> (Entry, WriteTimestamp) {
    let (organization, actor) = identity.map_or_else(
        || (OrganizationId::INSTALLATION, anonymous_actor()),
        |identity| (identity.organization, identity.actor.clone()),
    );
    let timestamp = services.store.begin_entry();
    let at = timestamp.at();
    let entry = Entry {
        id: Id::new(services.entropy.ulid(at)),
        organization,
        occurred_at: at,
        wall_clock: timestamp.differing_clock(),
        actor,
        action: note.action,
        subject: note.subject,
        reason: None,
        changes: note.changes,
        origin: note.origin,
        status: Some(note.status),
    };
    (entry, timestamp)
}

/// Returns the note of the first of several calls. If they are of several kinds, it has nothing that only one of them
/// has.
fn first_note(note: &AuditNote, kind: &CallKind) -> AuditNote {
    let changes = vec![count_of(note.status, 1)];
    let AuditNote { action, subject, origin, status, .. } = note;
    match kind {
        CallKind::Like { .. } => AuditNote {
            action: action.clone(),
            subject: subject.clone(),
            origin: origin.clone(),
            status: *status,
            changes,
        },
        CallKind::Other { .. } => AuditNote {
            action: OTHER_CALLS,
            subject: None,
            origin: Origin { method: None, route: None, source_address: None, user_agent: None, ..origin.clone() },
            status: *status,
            changes,
        },
    }
}

/// The action of calls of several kinds.
const OTHER_CALLS: Action = Action::new("call.summarized");

/// Replaces counts by entries, and returns how many. A count whose first entry is corrupt is passed over, so that it does
/// not keep those after it, which may be of other organizations, from being recorded.
async fn record_counts(
    services: &Services,
    counts: &[RepeatedCalls],
    first_error: &mut Option<StoreError>,
) -> Result<usize, StoreError> {
    let mut recorded = 0;
    for counted in counts {
        match record_count(services, counted).await {
            Ok(is_recorded) => recorded += usize::from(is_recorded),
            Err(error @ StoreError::Corrupt(_)) => {
                tracing::error!(organization = %counted.organization, first = %counted.first, %error, "the number of repeated calls could not be recorded, because the entry of the first one is damaged: verify the audit log");
                first_error.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
    Ok(recorded)
}

/// Replaces a count by an entry like that of the first call. Returns `false` if the count has changed meanwhile.
async fn record_count(services: &Services, counted: &RepeatedCalls) -> Result<bool, StoreError> {
    let first = services.store.entry(counted.organization, counted.first).await?;
    let timestamp = services.store.begin_entry();
    let at = timestamp.at();
    let id = Id::new(services.entropy.ulid(at));
    let calls = i64::try_from(counted.calls).unwrap_or(i64::MAX);
    let entry = match first.map(|stored| stored.entry) {
        Some(first) => {
            let changes = vec![count_of(first.status.unwrap_or_default(), calls)];
            Entry { id, occurred_at: at, wall_clock: timestamp.differing_clock(), changes, ..first }
        }
        // The first call's entry was removed from the log, or by hand.
        None => Entry {
            id,
            organization: counted.organization,
            occurred_at: at,
            wall_clock: timestamp.differing_clock(),
            actor: anonymous_actor(),
            action: OTHER_CALLS,
            subject: None,
            reason: None,
            changes: vec![count_of(0, calls)],
            origin: Origin {
                request_id: Id::new(counted.first.ulid()),
                method: None,
                route: None,
                source_address: None,
                user_agent: None,
            },
            status: None,
        },
    };
    services.store.replace_repeated(counted, entry, timestamp).await
}

/// The number of calls that an entry stands for.
fn count_of(status: u16, calls: i64) -> Change {
    let field = if status >= 400 { "refused_calls" } else { "calls" };
    Change { field: field.into(), before: FieldValue::Null, after: FieldValue::Integer(calls) }
}

/// The actor of requests whose caller is not authenticated.
fn anonymous_actor() -> Actor {
    Actor { kind: ActorKind::System, id: None, name: "unknown caller".into() }
}

/// Wraps the shared error for each call that waited for the entry.
fn shared_error(error: Arc<StoreError>) -> StoreError {
    match *error {
        StoreError::Unavailable(_) => StoreError::Unavailable(Box::new(error)),
        StoreError::Corrupt(_) => StoreError::Corrupt(Box::new(error)),
    }
}
