//! Audit entries of failed attempts. The first of a user from a network has an entry, and those that follow within a
//! minute are only counted, as the API does with calls that strangers can repeat without limit. The server's task turns the
//! counts into one more entry.

use std::time::Duration;

use auth::{Passkey, PasskeyName, StoredUser, UserId};
use kernel::{
    Action, Actor, ActorKind, Change, Entry, FieldValue, Id, OrganizationId, OrganizationRef, Origin, RepeatedCalls,
    StoreError, Subject,
};
use limits::Peer;

use crate::{
    author::Client,
    people::People,
    refusal_log::{REPEAT_WINDOW, RefusalKind},
};

/// A refused attempt, which is in the audit log. The message to the person must not depend on who was named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignInRefusal {
    /// The organization, if it exists.
    pub organization: Option<OrganizationRef>,
    /// The user, if they exist.
    pub user: Option<UserId>,
    /// The time until the next attempt is allowed, if there were too many.
    pub retry_after: Option<Duration>,
}

impl People {
    /// Records a failed attempt. When this returns, its entry or its count is durable.
    pub(crate) async fn record_refusal(&self, refusal: &SignInRefusal, client: &Client) -> Result<(), StoreError> {
        let organization = refusal.organization.as_ref().map_or(OrganizationId::INSTALLATION, |found| found.id);
        let kind = RefusalKind { organization, from: Some((refusal.user, client.address.map(Peer::network_of))) };
        let now = self.now();
        let mut first = self.refusals.lock().await;
        let kind = first.distinguished(kind, now);
        if let Some((entry, at)) = first.repeated(kind, now) {
            drop(first);
            let repeated = RepeatedCalls { organization, first: entry, due_at: at + REPEAT_WINDOW, calls: 1 };
            return self.parts.store.count_repeated(repeated).await;
        }
        // Held until the entry is stored, since counts refer to it.
        let entry = self.append_refusal(refusal, kind, client).await?;
        first.insert(kind, entry, now);
        Ok(())
    }

    /// Records that the counter of a passkey went back, which only its private key or a copy of it can cause.
    pub(crate) async fn record_counter(
        &self,
        organization: &OrganizationRef,
        user: &StoredUser,
        passkey: &Passkey,
        (stored, received): (u32, u32),
        client: &Client,
    ) -> Result<(), StoreError> {
        let timestamp = self.parts.store.begin_entry();
        let at = timestamp.at();
        let named = |name: &PasskeyName| FieldValue::Text(name.to_string());
        let (before, after) = (named(&passkey.name), named(&passkey.name));
        let entry = Entry {
            id: Id::new(self.parts.entropy.ulid(at)),
            organization: organization.id,
            occurred_at: at,
            wall_clock: timestamp.differing_clock(),
            actor: Actor { kind: ActorKind::System, id: None, name: "unknown caller".into() },
            action: COUNTER_WENT_BACK,
            subject: Some(Subject::from_id(user.meta.id)),
            reason: None,
            changes: vec![
                Change { field: "passkey".into(), before, after },
                Change {
                    field: "sign_count".into(),
                    before: FieldValue::Integer(stored.into()),
                    after: FieldValue::Integer(received.into()),
                },
            ],
            origin: client.origin.clone(),
            status: Some(401),
        };
        self.parts.store.append(entry, timestamp).await
    }

    async fn append_refusal(
        &self,
        refusal: &SignInRefusal,
        kind: RefusalKind,
        client: &Client,
    ) -> Result<Id<Entry>, StoreError> {
        let is_one_kind = kind.from.is_some();
        let timestamp = self.parts.store.begin_entry();
        let at = timestamp.at();
        let id = Id::new(self.parts.entropy.ulid(at));
        let source_address = client.address.map(|address| address.to_string());
        let origin = match is_one_kind {
            true => Origin { source_address, ..client.origin.clone() },
            false => Origin { source_address: None, user_agent: None, ..client.origin.clone() },
        };
        let refused = Change { field: "refused_calls".into(), before: FieldValue::Null, after: FieldValue::Integer(1) };
        let entry = Entry {
            id,
            organization: kind.organization,
            occurred_at: at,
            wall_clock: timestamp.differing_clock(),
            actor: Actor { kind: ActorKind::System, id: None, name: "unknown caller".into() },
            action: FAILED,
            subject: refusal.user.filter(|_| is_one_kind).map(Subject::from_id),
            reason: None,
            changes: vec![refused],
            origin,
            status: Some(if refusal.retry_after.is_some() { 429 } else { 401 }),
        };
        self.parts.store.append(entry, timestamp).await?;
        Ok(id)
    }
}

/// The action of a passkey whose counter went back.
const COUNTER_WENT_BACK: Action = Action::new("user.passkey_counter_went_back");
/// The action of failed attempts.
const FAILED: Action = Action::new("user.sign_in_failed");
