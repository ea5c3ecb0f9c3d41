//! The end of sealing all entries, if the database does not let it come to one.

use super::SealSummary;

/// Number of runs one after the other in which nothing is sealed and no chain is left out. Finding out what is refused
/// takes fewer.
const MAX_FRUITLESS: usize = 10;

/// Number of runs that leave chains out and seal nothing. Each chain is left out once.
const MAX_FAULTS: usize = 1000;

/// The progress of sealing all entries.
#[derive(Debug, Default)]
pub(super) struct Progress {
    fruitless: usize,
    faults: usize,
}

impl Progress {
    /// Notes a run. Returns whether another one may achieve something.
    pub(super) fn goes_on(&mut self, summary: &SealSummary) -> bool {
        if summary.sealed > 0 || !summary.is_outdated {
            *self = Self::default();
        } else if summary.failed.is_some() {
            self.fruitless = 0;
            self.faults += 1;
        } else {
            self.fruitless += 1;
        }
        self.fruitless < MAX_FRUITLESS && self.faults < MAX_FAULTS
    }
}

#[cfg(test)]
mod tests {
    use kernel::StoreError;

    use super::*;

    fn outdated() -> SealSummary {
        SealSummary { more: true, is_outdated: true, ..SealSummary::default() }
    }

    #[test]
    fn sealing_ends_although_every_round_is_refused() {
        let mut progress = Progress::default();
        assert_eq!((0..100).take_while(|_| progress.goes_on(&outdated())).count(), MAX_FRUITLESS - 1);
        let failed = || SealSummary { failed: Some(StoreError::Corrupt("refused".into())), ..outdated() };
        let mut progress = Progress::default();
        assert_eq!((0..2000).take_while(|_| progress.goes_on(&failed())).count(), MAX_FAULTS - 1);
    }

    #[test]
    fn sealing_goes_on_while_entries_are_sealed_or_rounds_are_stored() {
        let mut progress = Progress::default();
        let mut runs = (0..100).flat_map(|_| {
            let sealed = SealSummary { sealed: 1, ..outdated() };
            let stored = SealSummary { more: true, ..SealSummary::default() };
            [outdated(), sealed, outdated(), stored]
        });
        assert!(runs.all(|run| progress.goes_on(&run)));
    }
}
