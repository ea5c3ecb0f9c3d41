//! A cache of bounded size that drops what was not used for the longest time.

use std::{
    collections::{BTreeMap, HashMap},
    hash::Hash,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// A cache of values, which are cheap to clone, by key.
pub(crate) struct ByteCache<K, V> {
    state: Mutex<State<K, V>>,
    max_bytes: usize,
}

struct State<K, V> {
    values: HashMap<K, Cached<V>>,
    /// The keys by the time of their last use.
    uses: BTreeMap<u64, K>,
    next_use: u64,
    bytes: usize,
}

struct Cached<V> {
    value: V,
    bytes: usize,
    used: u64,
}

impl<K: Copy + Eq + Hash, V: Clone> ByteCache<K, V> {
    pub(crate) fn new(max_bytes: usize) -> Self {
        let state = State { values: HashMap::new(), uses: BTreeMap::new(), next_use: 0, bytes: 0 };
        Self { state: Mutex::new(state), max_bytes }
    }

    pub(crate) fn get(&self, key: &K) -> Option<V> {
        let state = &mut *self.lock();
        let cached = state.values.get_mut(key)?;
        state.uses.remove(&cached.used);
        state.uses.insert(state.next_use, *key);
        cached.used = state.next_use;
        state.next_use += 1;
        Some(cached.value.clone())
    }

    /// Adds a value of about this size. A value that is larger than the cache is not kept.
    pub(crate) fn insert(&self, key: K, value: V, bytes: usize) {
        if bytes > self.max_bytes {
            return;
        }
        let state = &mut *self.lock();
        state.remove(&key);
        let used = state.next_use;
        state.next_use += 1;
        state.values.insert(key, Cached { value, bytes, used });
        state.uses.insert(used, key);
        state.bytes += bytes;
        while state.bytes > self.max_bytes {
            let Some((_, oldest)) = state.uses.first_key_value() else { break };
            let oldest = *oldest;
            state.remove(&oldest);
        }
    }

    pub(crate) fn remove(&self, key: &K) {
        self.lock().remove(key);
    }

    fn lock(&self) -> MutexGuard<'_, State<K, V>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Copy + Eq + Hash, V> State<K, V> {
    fn remove(&mut self, key: &K) {
        if let Some(removed) = self.values.remove(key) {
            self.uses.remove(&removed.used);
            self.bytes -= removed.bytes;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_used_for_the_longest_time_is_dropped_first() {
        let cache = ByteCache::new(30);
        for key in 1..=3 {
            cache.insert(key, key, 10);
        }
        assert_eq!(cache.get(&1), Some(1));
        cache.insert(4, 4, 15);
        assert_eq!([1, 2, 3, 4].map(|key| cache.get(&key)), [Some(1), None, None, Some(4)]);
    }

    #[test]
    fn a_value_that_is_replaced_counts_once() {
        let cache = ByteCache::new(20);
        cache.insert(1, 1, 10);
        for value in 1..=5 {
            cache.insert(2, value, 10);
        }
        cache.insert(3, 3, 21);
        assert_eq!([1, 2, 3].map(|key| cache.get(&key)), [Some(1), Some(5), None]);
        cache.remove(&2);
        assert_eq!(cache.get(&2), None);
    }
}
