//! Sets of numbers that lie mostly side by side.

use std::{collections::BTreeMap, ops::RangeInclusive};

/// Maximum number of ranges in a set.
pub(crate) const MAX_RANGES: usize = 2048;

/// Numbers, kept as the ranges that they form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct NumberRanges(BTreeMap<u64, u64>);

impl NumberRanges {
    /// Adds numbers.
    pub(crate) fn add(&mut self, range: RangeInclusive<u64>) {
        let (mut start, mut end) = range.into_inner();
        // The ranges that overlap or touch the new one become part of it.
        while let Some((&first, &last)) = self.0.range(..=end.saturating_add(1)).next_back() {
            if last.saturating_add(1) < start {
                break;
            }
            self.0.remove(&first);
            (start, end) = (start.min(first), end.max(last));
        }
        self.0.insert(start, end);
    }

    /// Removes numbers.
    pub(crate) fn remove(&mut self, range: RangeInclusive<u64>) {
        let (start, end) = range.into_inner();
        while let Some((&first, &last)) = self.0.range(..=end).next_back() {
            if last < start {
                break;
            }
            self.0.remove(&first);
            if first < start {
                self.0.insert(first, start - 1);
            }
            if last > end {
                self.0.insert(end + 1, last);
            }
        }
    }

    /// Joins the first two ranges, with the numbers between them, while there are too many ranges.
    pub(crate) fn shorten(&mut self) {
        while self.0.len() > MAX_RANGES {
            let Some((start, _)) = self.0.pop_first() else { return };
            if let Some((_, end)) = self.0.pop_first() {
                self.0.insert(start, end);
            }
        }
    }

    /// The ranges, in order. They do not touch.
    pub(crate) fn ranges(&self) -> Vec<RangeInclusive<u64>> {
        self.0.iter().map(|(start, end)| *start..=*end).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranges_contain_what_a_set_of_numbers_would(
            steps in prop::collection::vec((any::<bool>(), 1_u64..60, 0_u64..9), 0..40)
        ) {
            let (mut ranges, mut numbers) = (NumberRanges::default(), BTreeSet::new());
            for (adds, start, more) in steps {
                let range = start..=start + more;
                if adds {
                    ranges.add(range.clone());
                    numbers.extend(range);
                } else {
                    ranges.remove(range.clone());
                    numbers.retain(|number| !range.contains(number));
                }
            }
            let parts = ranges.ranges();
            prop_assert_eq!(parts.iter().cloned().flatten().collect::<BTreeSet<_>>(), numbers);
            prop_assert!(parts.windows(2).all(|pair| pair[0].end() + 1 < *pair[1].start()));
        }
    }

    #[test]
    fn too_many_ranges_are_joined_from_the_first_on() {
        let mut ranges = NumberRanges::default();
        (1..=MAX_RANGES as u64 + 2).for_each(|number| ranges.add(number * 2..=number * 2));
        ranges.shorten();
        assert_eq!(ranges.ranges().len(), MAX_RANGES);
        assert_eq!(ranges.ranges()[0], 2..=6);
    }
}
