//! The turns of previews and exports: few at a time, and one for each organization.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use console::TableRefusal;
use kernel::OrganizationId;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::timeout,
};

/// The number of tables that the server reads at a time for previews, and of exports that it prepares.
pub(super) const MAX_TURNS: usize = 2;

/// The maximum time for which a preview or an export waits for its turn.
pub(super) const MAX_WAIT: Duration = Duration::from_secs(20);

/// The turns of previews and exports.
pub(super) struct Turns {
    all: Arc<Semaphore>,
    /// The turn of each organization that has work or waits.
    of_organizations: Mutex<HashMap<OrganizationId, Weak<Semaphore>>>,
    max_wait: Duration,
}

/// A turn, until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _of_all: OwnedSemaphorePermit,
    _of_organization: OwnedSemaphorePermit,
}

impl Turns {
    /// Creates the turns, for each of which somebody waits at most this long.
    pub(super) fn new(max_wait: Duration) -> Self {
        Self { all: Arc::new(Semaphore::new(MAX_TURNS)), of_organizations: Mutex::default(), max_wait }
    }

    /// Waits for a turn. Who waits for another turn of the same organization keeps no other one waiting.
    ///
    /// # Errors
    /// [`TableRefusal::Busy`] if it takes too long.
    pub(super) async fn wait(&self, organization: OrganizationId) -> Result<Turn, TableRefusal> {
        let own = self.of(organization);
        let turn = async {
            let of_organization = own.acquire_owned().await.ok()?;
            let of_all = Arc::clone(&self.all).acquire_owned().await.ok()?;
            Some(Turn { _of_all: of_all, _of_organization: of_organization })
        };
        let busy =
            "the server reads or writes other tables, of which a workspace has one at a time: try again in a minute";
        timeout(self.max_wait, turn).await.ok().flatten().ok_or_else(|| TableRefusal::Busy(busy.to_owned()))
    }

    fn of(&self, organization: OrganizationId) -> Arc<Semaphore> {
        let mut turns = self.of_organizations.lock().unwrap_or_else(PoisonError::into_inner);
        turns.retain(|_, turn| turn.strong_count() > 0);
        if let Some(turn) = turns.get(&organization).and_then(Weak::upgrade) {
            return turn;
        }
        let turn = Arc::new(Semaphore::new(1));
        turns.insert(organization, Arc::downgrade(&turn));
        turn
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Id, Ulid};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn an_organization_has_one_turn_at_a_time_and_leaves_the_others_to_others() {
        let turns = Turns::new(MAX_WAIT);
        let [one, other] = [Id::new(Ulid(1)), Id::new(Ulid(2))];
        let first = turns.wait(one).await.unwrap();
        // The second turn of the same organization does not come, and takes nobody else's.
        let refusal = turns.wait(one).await.unwrap_err();
        assert!(matches!(&refusal, TableRefusal::Busy(message) if message.contains("one at a time")), "{refusal:?}");
        let second = turns.wait(other).await.unwrap();
        assert!(turns.wait(Id::new(Ulid(3))).await.is_err(), "the server has {MAX_TURNS} turns");
        drop(first);
        drop(turns.wait(one).await.unwrap());
        drop(second);
        drop(turns.wait(Id::new(Ulid(3))).await.unwrap());
        assert!(turns.of_organizations.lock().unwrap().len() <= 1);
    }
}
