//! Random logs: entries of which some come late, sealed and compacted at random moments.

use kernel::{Entry, Id, OrganizationId, Ulid};
use proptest::prelude::*;

use crate::made_log::{MadeLog, entry};

pub(crate) const ORGANIZATION: OrganizationId = Id::new(Ulid(1 << 100));
pub(crate) const OTHER: OrganizationId = Id::new(Ulid(1 << 101));

/// A step in the life of a log.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    /// Rows of so many entries each are stored, some of them up to so many milliseconds late.
    Append { rows: usize, entries: usize, late: u64 },
    /// A row with entries of two organizations is stored.
    Share,
    /// So many rows are sealed.
    Seal(usize),
    /// All that waits is sealed, row by row or at once, and segments are made of it.
    Compact { rows: usize },
    /// The rows of the index are merged.
    Merge,
    /// The first segment is removed.
    Remove,
}

pub(crate) fn steps() -> impl Strategy<Value = Vec<Step>> {
    let late = prop_oneof![3 => Just(0_u64), 2 => 1..50_u64, 1 => Just(100_000)];
    let few = (1..6_usize, 1..40_usize, late.clone());
    let many = (5..8_usize, 200..400_usize, late.clone());
    let step = prop_oneof![
        6 => few.prop_map(|(rows, entries, late)| Step::Append { rows, entries, late }),
        2 => many.prop_map(|(rows, entries, late)| Step::Append { rows, entries, late }),
        1 => Just(Step::Share),
        6 => (1..9_usize).prop_map(Step::Seal),
        4 => (1..30_usize).prop_map(|rows| Step::Compact { rows }),
        1 => Just(Step::Merge),
        1 => Just(Step::Remove),
    ];
    // Most logs begin with a segment.
    let segment = (1..12_usize, late)
        .prop_map(|(rows, late)| vec![Step::Append { rows: 11, entries: 390, late }, Step::Compact { rows }]);
    let start = prop_oneof![1 => Just(Vec::new()), 3 => segment];
    (start, proptest::collection::vec(step, 1..9)).prop_map(|(start, rest)| [start, rest].concat())
}

/// The log of an organization after these steps.
pub(crate) async fn made(steps: &[Step]) -> MadeLog {
    let mut log = MadeLog::new(ORGANIZATION).await;
    let (mut at, mut number) = (1_000_000, 0);
    for step in steps {
        match *step {
            Step::Append { rows, entries, late } => {
                for _ in 0..rows {
                    let made: Vec<Entry> = (0..entries).map(|_| next_entry(&mut at, &mut number, late)).collect();
                    log.append(&made).await;
                }
            }
            Step::Share => {
                let own = next_entry(&mut at, &mut number, 10);
                log.append(&[own, entry(OTHER, at, number + 1_000_000)]).await;
            }
            Step::Seal(rows) => {
                let planned = log.plan_seal(rows);
                log.apply(planned).await;
            }
            Step::Compact { rows } => {
                while let Some(planned) = log.plan_seal(rows) {
                    log.apply(Some(planned)).await;
                }
                while let Some(planned) = log.plan_compact() {
                    log.apply(Some(planned)).await;
                }
            }
            Step::Merge => {
                let planned = log.plan_merge();
                log.apply(planned).await;
            }
            Step::Remove => {
                let planned = log.plan_remove();
                log.apply(planned).await;
            }
        }
    }
    log
}

fn next_entry(at: &mut i64, number: &mut u64, late: u64) -> Entry {
    *number += 1;
    // Several entries have the same time.
    *at += (*number % 3) as i64;
    let behind = if late > 0 && number.is_multiple_of(7) { (*number * 31 % late) as i64 } else { 0 };
    entry(ORGANIZATION, *at - behind, *number)
}
