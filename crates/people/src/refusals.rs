//! Audit entries of failed attempts. The first of a user from a network has an entry, and those that follow within a
//! minute are only counted, as the API does with calls that strangers can repeat without limit. The server's task turns the
//! counts into one more entry.

use std::{collections::HashMap, net::IpAddr, sync::Arc, time::Duration};

use auth::UserId;
use kernel::{
    Action, Actor, ActorKind, Change, Entry, FieldValue, Id, OrganizationId, Origin, RepeatedCalls, StoreError,
    Subject, Timestamp,
};
use limits::Peer;
use tokio::sync::Mutex;

use crate::{author::Client, people::People, sign_in::SignInRefusal};

/// The time in which attempts that are alike share an entry, after that of the first of them.
const REPEAT_WINDOW: Duration = Duration::from_secs(60);
/// The maximum number of kinds of attempts that are distinguished at a time. Those beyond share an entry for each
/// organization.
const MAX_KINDS: usize = 1024;

/// The attempts that share an entry.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Kind {
    organization: OrganizationId,
    /// The user, and the network; neither if there are too many kinds.
    from: Option<(Option<UserId>, Option<Peer>)>,
}

/// The first attempts of the last minute.
#[derive(Clone, Default)]
pub(crate) struct RefusalLog {
    first: Arc<Mutex<HashMap<Kind, (Id<Entry>, Timestamp)>>>,
}

impl People {
    /// Records a failed attempt. When this returns, its entry or its count is durable.
    pub(crate) async fn record_refusal(&self, refusal: &SignInRefusal, client: &Client) -> Result<(), StoreError> {
        let organization = refusal.organization.as_ref().map_or(OrganizationId::INSTALLATION, |found| found.id);
        let now = self.now();
        let is_repeated = |at: Timestamp| at <= now && now < at + REPEAT_WINDOW;
        let network = client.address.map(Peer::network_of);
        let mut kind = Kind { organization, from: Some((refusal.user, network)) };
        let mut first = self.refusals.first.lock().await;
        if !first.contains_key(&kind) && first.len() >= MAX_KINDS {
            first.retain(|_, (_, at)| is_repeated(*at));
            if first.len() >= MAX_KINDS {
                kind.from = None;
            }
        }
        if let Some((entry, at)) = first.get(&kind).copied().filter(|(_, at)| is_repeated(*at)) {
            drop(first);
            let repeated = RepeatedCalls { organization, first: entry, due_at: at + REPEAT_WINDOW, calls: 1 };
            return self.parts.store.count_repeated(repeated).await;
        }
        // Held until the entry is stored, since counts refer to it.
        let entry = self.append_refusal(organization, refusal, kind.from.is_some(), client.address, &client.origin);
        first.insert(kind, (entry.await?, now));
        Ok(())
    }

    async fn append_refusal(
        &self,
        organization: OrganizationId,
        refusal: &SignInRefusal,
        is_one_kind: bool,
        address: Option<IpAddr>,
        origin: &Origin,
    ) -> Result<Id<Entry>, StoreError> {
        let timestamp = self.parts.store.begin_entry();
        let at = timestamp.at();
        let id = Id::new(self.parts.entropy.ulid(at));
        let source_address = address.map(|address| address.to_string());
        let origin = match is_one_kind {
            true => Origin { source_address, ..origin.clone() },
            false => Origin { source_address: None, user_agent: None, ..origin.clone() },
        };
        let refused = Change { field: "refused_calls".into(), before: FieldValue::Null, after: FieldValue::Integer(1) };
        let entry = Entry {
            id,
            organization,
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

/// The action of failed attempts.
const FAILED: Action = Action::new("user.sign_in_failed");
