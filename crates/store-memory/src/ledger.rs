//! Commits: the checks, in their order, and the writes.

use async_trait::async_trait;
use audit_store::PreparedRow;
use kernel::{
    Changeset, ClaimOutcome, CommitError, Conflict, Fingerprint, IdempotencyKey, IdempotencyRecord, KeyClaim, Kind,
    Ledger, OrganizationId, OutboxEvent, StoreError, StoredResponse, Timestamp, Ulid, Write, WriteTimestamp,
};

use crate::{
    Call, MemoryStore,
    state::{OutboxRow, Row, State, unique_key},
};

#[async_trait]
impl Ledger for MemoryStore {
    fn begin_write(&self) -> WriteTimestamp {
        self.timestamps.begin()
    }

    async fn commit(&self, changeset: Changeset) -> Result<(), CommitError> {
        self.intercept(Call::Commit).await?;
        self.store_rows(changeset.entries(), |state, rows| state.apply(&changeset, rows))?;
        if let Some(interceptor) = &self.interceptor {
            interceptor.committed(&changeset);
        }
        Ok(())
    }

    async fn stored_response(
        &self,
        key: &IdempotencyKey,
        now: Timestamp,
    ) -> Result<Option<(Fingerprint, StoredResponse)>, StoreError> {
        self.intercept(Call::StoredResponse).await?;
        let state = self.snapshot()?;
        Ok(state.idempotency_record(key, now).map(|record| (record.fingerprint, record.response.clone())))
    }

    async fn stored_response_bytes(&self, organization: OrganizationId, account: Ulid) -> Result<u64, StoreError> {
        let state = self.snapshot()?;
        let own = state.idempotency_records.iter();
        let own = own.filter(|(key, _)| key.organization == organization && key.account == account);
        Ok(own.map(|(_, record)| record.response.body.len() as u64).sum())
    }

    async fn stored_bytes(&self, organization: OrganizationId, holders: &[Ulid]) -> Result<Vec<u64>, StoreError> {
        let state = self.snapshot()?;
        let bytes = |holder: &Ulid| state.usage.get(&(organization, *holder)).copied().unwrap_or_default();
        Ok(holders.iter().map(|holder| u64::try_from(bytes(holder)).unwrap_or_default()).collect())
    }

    async fn claim_key(&self, claim: &KeyClaim, now: Timestamp) -> Result<ClaimOutcome, StoreError> {
        self.intercept(Call::Claim).await?;
        self.change(|state| {
            let stored = state.key_claims.get(&claim.key).filter(|stored| now < stored.expires_at);
            let effect = match stored {
                Some(stored) if KeyClaim::is_held(stored.held_until, now) => {
                    let is_same_request = stored.fingerprint == claim.fingerprint;
                    return Ok(if is_same_request { ClaimOutcome::HeldByAnother } else { ClaimOutcome::KeyReused });
                }
                Some(stored) if stored.fingerprint == claim.fingerprint => stored.effect,
                // The write that held the claim has failed, so the key is free for another request.
                Some(_) | None => claim.effect,
            };
            state.key_claims.insert_mut(claim.key.clone(), KeyClaim { effect, ..claim.clone() });
            Ok(ClaimOutcome::Claimed(effect))
        })
    }

    async fn release_key(&self, claim: &KeyClaim) -> Result<(), StoreError> {
        self.change(|state| {
            if let Some(stored) = state.key_claims.get_mut(&claim.key)
                && stored.held_until == claim.held_until
            {
                stored.held_until = Timestamp::MIN;
            }
            Ok(())
        })
    }
}

impl State {
    pub(crate) fn apply(&mut self, changeset: &Changeset, rows: &[PreparedRow]) -> Result<(), CommitError> {
        changeset.check_organization()?;
        if let Some(record) = changeset.idempotency() {
            self.insert_idempotency_record(record, changeset.due_at())?;
        }
        self.check_actor_revision(changeset)?;
        self.check_preconditions(changeset)?;
        for write in changeset.writes() {
            self.write(write)?;
        }
        self.change_usage(changeset)?;
        self.add_rows(rows)?;
        for event in changeset.events() {
            self.publish(event)?;
        }
        for write in changeset.writes() {
            self.mark_due_for(write, changeset.due_at());
        }
        Ok(())
    }

    fn insert_idempotency_record(&mut self, record: &IdempotencyRecord, now: Timestamp) -> Result<(), CommitError> {
        if let Some(earlier) = self.idempotency_record(&record.key, now) {
            let same_request = earlier.fingerprint == record.fingerprint;
            return Err(if same_request {
                CommitError::Duplicate(earlier.response.clone())
            } else {
                CommitError::KeyReused
            });
        }
        self.idempotency_records.insert_mut(record.key.clone(), record.clone());
        Ok(())
    }

    fn check_actor_revision(&self, changeset: &Changeset) -> Result<(), CommitError> {
        let is_current = changeset.actor_revision().is_none_or(|actor| {
            matches!(actor.kind, Kind::ServiceAccount | Kind::User)
                && self.revision(actor.kind, changeset.organization(), actor.id) == Some(actor.revision)
        });
        if is_current { Ok(()) } else { Err(CommitError::ActorChanged) }
    }

    fn check_preconditions(&self, changeset: &Changeset) -> Result<(), CommitError> {
        for &(kind, id, revision) in changeset.preconditions() {
            if self.revision(kind, changeset.organization(), id) != Some(revision) {
                return Err(CommitError::Conflict(Conflict::Revision(kind, id)));
            }
        }
        Ok(())
    }

    fn write(&mut self, write: &Write) -> Result<(), CommitError> {
        let (kind, organization, id) = (write.record.kind(), write.meta.organization, write.meta.ulid());
        let before = self.records.get(&(kind, organization, id));
        if before.map(|row| row.meta.revision) != write.expected {
            return Err(CommitError::Conflict(Conflict::Revision(kind, id)));
        }
        if let Some(row) = before
            && let Some(value) = row.record.unique_value()
        {
            let unique = unique_key(kind, organization, &value, row.record.unique_within());
            self.keys.remove_mut(&unique);
        }
        if let Some(value) = write.record.unique_value() {
            let unique = unique_key(kind, organization, &value, write.record.unique_within());
            if self.keys.contains_key(&unique) {
                return Err(CommitError::Conflict(Conflict::UniqueKey(kind, unique.2)));
            }
            self.keys.insert_mut(unique, id);
        }
        let row = Row { meta: write.meta, record: write.record.clone() };
        self.records.insert_mut((kind, organization, id), row);
        Ok(())
    }

    fn change_usage(&mut self, changeset: &Changeset) -> Result<(), CommitError> {
        for change in changeset.usage() {
            let holder = (changeset.organization(), change.holder);
            let bytes = self.usage.get(&holder).copied().unwrap_or_default().saturating_add(change.bytes);
            if !change.allows(bytes) {
                return Err(CommitError::Conflict(Conflict::Usage(change.holder)));
            }
            self.usage.insert_mut(holder, bytes.max(0));
        }
        Ok(())
    }

    fn publish(&mut self, event: &OutboxEvent) -> Result<(), StoreError> {
        let key = (event.organization, event.id);
        if self.outbox.contains_key(&key) {
            return Err(StoreError::Corrupt(format!("the event {} exists already", event.id).into()));
        }
        self.outbox.insert_mut(key, OutboxRow { event: event.clone(), pending: true });
        Ok(())
    }
}
