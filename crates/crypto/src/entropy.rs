//! The source of randomness: the operating system. AWS-LC is not used for it, since it measures jitter for 80 ms first,
//! and a command that generates a single identifier would wait for that.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use kernel::{Entropy, Timestamp};
use ulid::Ulid;

/// The number of milliseconds whose last identifier is remembered. The timestamps of concurrent calls never spread over
/// so many milliseconds.
const MAX_REMEMBERED: usize = 64;

/// Randomness from the operating system.
#[derive(Default)]
pub struct SystemEntropy {
    /// The last identifier of each of the most recently used milliseconds, the most recent one at the end.
    last: Mutex<VecDeque<Ulid>>,
}

impl SystemEntropy {
    /// Creates a source. Identifiers ascend within one source only.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Entropy for SystemEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        getrandom::fill(buffer).expect("the operating system must provide random bytes");
    }

    fn ulid(&self, at: Timestamp) -> Ulid {
        let millis = u64::try_from(at.millis()).unwrap_or(0);
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = last.iter_mut().rev().find(|ulid| ulid.timestamp_ms() == millis) {
            // The first identifier is in the lower half of 2⁸⁰ numbers, and no millisecond is long enough to use up
            // the upper half.
            *before = before.increment().unwrap_or(*before);
            return *before;
        }
        let mut random = [0; 16];
        self.fill(&mut random[6..]);
        let ulid = Ulid::from_parts(millis, u128::from_be_bytes(random) >> 1);
        if last.len() == MAX_REMEMBERED {
            last.pop_front();
        }
        last.push_back(ulid);
        ulid
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, thread};

    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn identifiers_of_one_millisecond_ascend_even_if_interleaved_with_other_milliseconds() {
        let entropy = SystemEntropy::new();
        let mut before = [Ulid::nil(); 3];
        for round in 0..1000 {
            for (index, before) in before.iter_mut().enumerate() {
                let millis = 1_700_000_000_000 + (index as i64 * 7 + round / 100) % 10;
                let ulid = entropy.ulid(at(millis));
                assert_eq!(ulid.timestamp_ms(), millis as u64);
                if before.timestamp_ms() == ulid.timestamp_ms() {
                    assert!(ulid > *before);
                }
                *before = ulid;
            }
        }
    }

    #[test]
    fn concurrent_threads_never_get_the_same_identifier() {
        let entropy = SystemEntropy::new();
        let ulids: Vec<Ulid> = thread::scope(|scope| {
            let generate = || (0..2000).map(|call| entropy.ulid(at(call / 500))).collect::<Vec<_>>();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(generate)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(ulids.iter().collect::<BTreeSet<_>>().len(), 8000);
    }

    #[test]
    fn a_timestamp_before_1970_has_an_identifier_at_the_epoch() {
        assert_eq!(SystemEntropy::new().ulid(Timestamp::MIN).timestamp_ms(), 0);
    }

    #[test]
    fn the_number_of_remembered_identifiers_is_bounded() {
        let entropy = SystemEntropy::new();
        for millis in 0..1000 {
            entropy.ulid(at(millis));
        }
        assert_eq!(entropy.last.lock().unwrap().len(), MAX_REMEMBERED);
    }

    #[test]
    fn random_bytes_differ_from_call_to_call() {
        let mut buffers = [[0; 32]; 2];
        buffers.iter_mut().for_each(|buffer| SystemEntropy::new().fill(buffer));
        assert_ne!(buffers[0], buffers[1]);
    }
}
