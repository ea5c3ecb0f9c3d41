//! A budget that many holders share, of which none can take so much that the others are left without.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::Hash,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::oneshot, time::timeout};

/// The maximum number of waiting acquisitions. Further ones fail at once.
const MAX_WAITING: usize = 4096;

/// The part that a member of a group, such as an account, may have of what the others leave to the group, as a
/// denominator.
const MEMBER_DIVISOR: usize = 4;

/// The part that a group, such as an organization, may have of what the others leave, as a denominator.
const GROUP_DIVISOR: usize = 2;

/// The part of the whole that members without anything leave to other groups, as a denominator.
const RESERVE_DIVISOR: usize = 4;

/// A budget of bytes or connections that holders, such as accounts or addresses, share.
///
/// A group may have at most half of what the others leave, and each of its members a quarter of what the others leave of
/// that half (dynamic thresholds, after Choudhury and Hahne). A single greedy member thus gets an eighth of the whole;
/// the more there are, the less each gets. A member that has nothing gets what it asks for even beside greedy ones of its
/// own group, as long as a quarter of the whole stays free, which is for other groups. So does one that has a single
/// permit, whose amount is acquired bit by bit, up to the share of a greedy member.
pub struct FairBudget<K: Eq + Hash + Copy> {
    total: usize,
    state: Mutex<State<K>>,
}

/// The holder that an amount is charged to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder<K> {
    /// A member of a group, such as an account of an organization.
    Member {
        /// The member.
        member: K,
        /// Its group.
        group: K,
    },
    /// A holder without a share, which may have all that is left.
    Unshared,
}

impl<K> Holder<K> {
    /// Returns the keys whose amounts are counted.
    fn keys(self) -> impl Iterator<Item = K> {
        let keys = match self {
            Self::Member { member, group } => [Some(member), Some(group)],
            Self::Unshared => [None, None],
        };
        keys.into_iter().flatten()
    }
}

struct State<K: Eq + Hash + Copy> {
    used: usize,
    held: HashMap<K, usize>,
    waiting: Vec<Waiting<K>>,
}

/// An acquisition that waits until its amount is available.
struct Waiting<K: Eq + Hash + Copy> {
    holder: Holder<K>,
    amount: usize,
    granted: oneshot::Sender<FairPermit<K>>,
}

/// A part of a budget, which is returned on drop.
pub struct FairPermit<K: Eq + Hash + Copy> {
    budget: Arc<FairBudget<K>>,
    holder: Holder<K>,
    amount: usize,
}

/// The limit that an acquisition exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exhausted {
    /// The holder has as much as it may have at the moment.
    Share,
    /// All holders together have the whole budget.
    Budget,
}

impl<K: Eq + Hash + Copy> FairBudget<K> {
    /// Creates a budget of this amount.
    #[must_use]
    pub fn new(total: usize) -> Arc<Self> {
        let state = State { used: 0, held: HashMap::new(), waiting: Vec::new() };
        Arc::new(Self { total, state: Mutex::new(state) })
    }

    /// The most that a member may have when the others have nothing.
    #[must_use]
    pub fn max_share(&self) -> usize {
        self.total / GROUP_DIVISOR / MEMBER_DIVISOR
    }

    /// Acquires this amount if it is available now.
    ///
    /// # Errors
    /// The limit that it would exceed.
    pub fn try_acquire(self: &Arc<Self>, holder: Holder<K>, amount: usize) -> Result<FairPermit<K>, Exhausted> {
        self.take(&mut self.state(), holder, amount, 0)?;
        Ok(self.permit(holder, amount))
    }

    /// Acquires this amount, waiting at most `patience` until it is available.
    ///
    /// # Errors
    /// The limit that was exceeded when the wait began.
    pub async fn acquire(
        self: &Arc<Self>,
        holder: Holder<K>,
        amount: usize,
        patience: Duration,
    ) -> Result<FairPermit<K>, Exhausted> {
        let (exhausted, receiver) = {
            let mut state = self.state();
            let Err(exhausted) = self.take(&mut state, holder, amount, 0) else {
                return Ok(self.permit(holder, amount));
            };
            if state.waiting.len() >= MAX_WAITING {
                state.waiting.retain(|waiting| !waiting.granted.is_closed());
            }
            if state.waiting.len() >= MAX_WAITING {
                return Err(exhausted);
            }
            let (granted, receiver) = oneshot::channel();
            state.waiting.push(Waiting { holder, amount, granted });
            (exhausted, receiver)
        };
        // A permit that is granted at the very end of the wait returns its amount when the channel is dropped.
        timeout(patience, receiver).await.ok().and_then(Result::ok).ok_or(exhausted)
    }

    /// Takes this amount for the holder, for a permit that has `own` already.
    fn take(&self, state: &mut State<K>, holder: Holder<K>, amount: usize, own: usize) -> Result<(), Exhausted> {
        if amount == 0 {
            return Ok(());
        }
        let free = self.total.saturating_sub(state.used);
        if amount > free {
            return Err(Exhausted::Budget);
        }
        if let Holder::Member { member, group } = holder {
            let held = |key| state.held.get(&key).copied().unwrap_or_default();
            let (held, group_held) = (held(member), held(group));
            let is_newcomer = held == own
                && (own == 0 || own.saturating_add(amount) <= self.max_share())
                && free - amount >= self.total / RESERVE_DIVISOR;
            let group_left = (free.saturating_add(group_held) / GROUP_DIVISOR).saturating_sub(group_held);
            let share = group_left.saturating_add(held) / MEMBER_DIVISOR;
            if !is_newcomer && (amount > group_left || held.saturating_add(amount) > share) {
                return Err(Exhausted::Share);
            }
        }
        state.add(holder, amount);
        Ok(())
    }

    fn permit(self: &Arc<Self>, holder: Holder<K>, amount: usize) -> FairPermit<K> {
        FairPermit { budget: Arc::clone(self), holder, amount }
    }

    /// Returns an amount, and grants what waits for it in the order of its arrival.
    fn release(self: &Arc<Self>, holder: Holder<K>, amount: usize) {
        let mut abandoned = Vec::new();
        let mut state = self.state();
        state.remove(holder, amount);
        if state.waiting.is_empty() {
            return;
        }
        for waiting in mem::take(&mut state.waiting) {
            if waiting.granted.is_closed() {
                continue;
            }
            if self.take(&mut state, waiting.holder, waiting.amount, 0).is_err() {
                state.waiting.push(waiting);
            } else if let Err(permit) = waiting.granted.send(self.permit(waiting.holder, waiting.amount)) {
                abandoned.push(permit);
            }
        }
        // Dropping a permit locks the state again.
        drop(state);
        drop(abandoned);
    }

    fn state(&self) -> MutexGuard<'_, State<K>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash + Copy> State<K> {
    fn add(&mut self, holder: Holder<K>, amount: usize) {
        self.used = self.used.saturating_add(amount);
        for key in holder.keys() {
            *self.held.entry(key).or_default() += amount;
        }
    }

    fn remove(&mut self, holder: Holder<K>, amount: usize) {
        self.used = self.used.saturating_sub(amount);
        for key in holder.keys() {
            if let Entry::Occupied(mut held) = self.held.entry(key) {
                *held.get_mut() = held.get().saturating_sub(amount);
                if *held.get() == 0 {
                    held.remove();
                }
            }
        }
    }
}

impl<K: Eq + Hash + Copy> FairPermit<K> {
    /// The amount of this permit.
    #[must_use]
    pub fn amount(&self) -> usize {
        self.amount
    }

    /// The most that a member may have when the others have nothing.
    #[must_use]
    pub fn max_share(&self) -> usize {
        self.budget.max_share()
    }

    /// Acquires this amount in addition if it is available now.
    ///
    /// # Errors
    /// The limit that it would exceed.
    pub fn try_grow(&mut self, more: usize) -> Result<(), Exhausted> {
        self.budget.take(&mut self.budget.state(), self.holder, more, self.amount)?;
        self.amount += more;
        Ok(())
    }

    /// Changes the amount to what is really used, even beyond the limits: what exists already can only be counted.
    pub fn resize(&mut self, amount: usize) {
        if amount > self.amount {
            self.budget.state().add(self.holder, amount - self.amount);
        } else if amount < self.amount {
            self.budget.release(self.holder, self.amount - amount);
        }
        self.amount = amount;
    }
}

impl<K: Eq + Hash + Copy> Drop for FairPermit<K> {
    fn drop(&mut self) {
        self.budget.release(self.holder, self.amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(5);

    /// A member of the group `group`.
    fn member(group: u32, member: u32) -> Holder<(u32, u32)> {
        Holder::Member { member: (group, member), group: (group, u32::MAX) }
    }

    /// Takes one by one until the holder is refused. Returns the permits.
    fn take_all(budget: &Arc<FairBudget<(u32, u32)>>, holder: Holder<(u32, u32)>) -> Vec<FairPermit<(u32, u32)>> {
        std::iter::from_fn(|| budget.try_acquire(holder, 1).ok()).collect()
    }

    fn acquire(
        budget: &Arc<FairBudget<(u32, u32)>>,
        holder: Holder<(u32, u32)>,
        amount: usize,
    ) -> FairPermit<(u32, u32)> {
        budget.try_acquire(holder, amount).unwrap_or_else(|exhausted| panic!("{exhausted:?}"))
    }

    #[test]
    fn a_single_holder_gets_an_eighth_of_the_budget_and_no_more() {
        let budget = FairBudget::new(80);
        let mut permit = acquire(&budget, member(1, 1), 4);
        assert_eq!(permit.try_grow(6), Ok(()));
        assert_eq!(permit.try_grow(1), Err(Exhausted::Share));
        assert_eq!(budget.try_acquire(member(1, 1), 1).err(), Some(Exhausted::Share));
        assert_eq!(budget.try_acquire(member(1, 1), 101).err(), Some(Exhausted::Budget));
    }

    #[test]
    fn the_members_of_a_group_leave_a_part_of_the_budget_however_many_they_are() {
        let budget = FairBudget::new(1000);
        let greedy: Vec<_> = (0..1000).flat_map(|number| take_all(&budget, member(1, number))).collect();
        assert!((500..=750).contains(&greedy.len()), "{}", greedy.len());
        assert!(take_all(&budget, member(2, 1)).len() >= 250 / 8);
    }

    #[test]
    fn a_member_that_has_nothing_is_served_beside_the_greedy_ones_of_its_group() {
        let budget = FairBudget::new(1000);
        let greedy: Vec<_> = (0..10).flat_map(|number| take_all(&budget, member(1, number))).collect();
        assert!(greedy.len() > 400);
        drop(acquire(&budget, member(1, 10), 100));
    }

    #[test]
    fn a_member_with_a_single_permit_is_served_bit_by_bit_beside_the_greedy_ones_of_its_group() {
        let budget = FairBudget::new(1000);
        let greedy: Vec<_> = (0..10).flat_map(|number| take_all(&budget, member(1, number))).collect();
        assert!(greedy.len() > 400);
        let mut permit = acquire(&budget, member(1, 10), 25);
        for _ in 0..4 {
            assert_eq!(permit.try_grow(25), Ok(()));
        }
        assert_eq!(permit.try_grow(1), Err(Exhausted::Share));
        assert_eq!(budget.try_acquire(member(1, 10), 1).err(), Some(Exhausted::Share));
    }

    #[test]
    fn each_further_group_leaves_half_of_what_it_finds() {
        let budget = FairBudget::new(1 << 20);
        let mut permits = Vec::new();
        for group in 0..10 {
            let before = permits.len();
            permits.extend((0..50).flat_map(|number| take_all(&budget, member(group, number))));
            assert!(permits.len() > before, "group {group} found nothing");
        }
        assert!(budget.try_acquire(member(10, 1), 1).is_ok());
    }

    #[test]
    fn a_holder_without_a_share_may_have_all_that_is_left() {
        let budget = FairBudget::new(100);
        let share = take_all(&budget, member(1, 1));
        assert_eq!(take_all(&budget, Holder::Unshared).len(), 100 - share.len());
    }

    #[test]
    fn a_dropped_permit_returns_its_amount_and_its_holder_is_forgotten() {
        let budget = FairBudget::new(100);
        let mut permit = acquire(&budget, member(1, 1), 25);
        permit.resize(90);
        assert_eq!(budget.try_acquire(member(2, 1), 11).err(), Some(Exhausted::Budget));
        permit.resize(10);
        drop(acquire(&budget, member(2, 1), 20));
        drop(permit);
        let state = budget.state();
        assert_eq!((state.used, state.held.len()), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_ends_when_its_amount_is_returned_and_passes_over_those_that_still_do_not_fit() {
        let budget = FairBudget::new(100);
        let (first, second) = (acquire(&budget, member(1, 1), 25), acquire(&budget, Holder::Unshared, 70));
        let wait = |holder, amount| {
            let budget = Arc::clone(&budget);
            tokio::spawn(async move { budget.acquire(holder, amount, PATIENCE).await.err() })
        };
        let still_blocked = wait(member(1, 1), 5);
        let waits = wait(member(2, 1), 15);
        tokio::task::yield_now().await;
        assert!(!waits.is_finished());
        drop(second);
        assert_eq!(waits.await.ok(), Some(None));
        assert_eq!(still_blocked.await.ok(), Some(Some(Exhausted::Share)));
        drop(first);
        assert_eq!(budget.state().used, 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wait_that_was_given_up_takes_nothing() {
        let budget = FairBudget::new(100);
        let all = acquire(&budget, Holder::Unshared, 100);
        assert_eq!(budget.acquire(member(1, 1), 1, PATIENCE).await.err(), Some(Exhausted::Budget));
        drop(all);
        let state = budget.state();
        assert_eq!((state.used, state.waiting.len()), (0, 0));
    }
}
