//! The range of identifiers that a list is about, in its order.

use kernel::{Order, PageRequest, Position, Timestamp, Ulid};

/// The direction of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// The newest entry first.
    Down,
    /// The oldest entry first.
    Up,
}

/// The rank of an identifier in a direction: what comes first in the list has the lowest.
pub(crate) type Rank = u128;

impl Direction {
    pub(crate) fn of(order: Order) -> Self {
        match order {
            Order::Newest => Self::Down,
            Order::Changed | Order::Due => Self::Up,
        }
    }

    pub(crate) fn order(self) -> Order {
        match self {
            Self::Down => Order::Newest,
            Self::Up => Order::Changed,
        }
    }

    pub(crate) fn rank(self, id: Ulid) -> Rank {
        match self {
            Self::Down => !id.0,
            Self::Up => id.0,
        }
    }

    /// The position behind which a list continues with the identifier of this rank; `None` if that is the first one.
    pub(crate) fn position_before(self, rank: Rank) -> Option<Position> {
        let before = rank.checked_sub(1)?;
        Some(match self {
            Self::Down => Position::Newest(Ulid(!before)),
            Self::Up => {
                let id = Ulid(before);
                Position::Changed(crate::rows::ulid_time(id), id)
            }
        })
    }

    /// The rank of the first identifier behind a position; `None` if there is none.
    pub(crate) fn rank_behind(self, position: Position) -> Option<Rank> {
        let (Position::Newest(id) | Position::Changed(_, id) | Position::Due(_, id)) = position;
        self.rank(id).checked_add(1)
    }
}

/// A range of identifiers in the order of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) direction: Direction,
    /// The first rank.
    pub(crate) start: Rank,
    /// The last rank, inclusive. It is before the first one if the range is empty.
    pub(crate) end: Rank,
}

impl Window {
    /// Everything.
    pub(crate) fn all(direction: Direction) -> Self {
        Self { direction, start: Rank::MIN, end: Rank::MAX }
    }

    /// Returns the range of a page: both ranges of times are those of the times in the identifiers.
    pub(crate) fn of_page(page: &PageRequest) -> Self {
        let range = page.time_range;
        let since = range.created_after.max(range.updated_after).map_or(Ulid::nil(), Timestamp::first_ulid);
        let until = [range.created_before, range.updated_before].into_iter().flatten().min();
        let mut first = since;
        let mut last = until.map_or(Some(Ulid::max()), |until| until.first_ulid().0.checked_sub(1).map(Ulid));
        match page.after {
            Some(Position::Newest(after)) => last = last.min(after.0.checked_sub(1).map(Ulid)),
            Some(Position::Changed(_, after) | Position::Due(_, after)) => match after.0.checked_add(1) {
                Some(next) => first = first.max(Ulid(next)),
                None => last = None,
            },
            None => {}
        }
        let direction = Direction::of(page.order);
        match last.filter(|last| first <= *last) {
            Some(last) => {
                let (one, other) = (direction.rank(first), direction.rank(last));
                Self { direction, start: one.min(other), end: one.max(other) }
            }
            None => Self { direction, start: 1, end: 0 },
        }
    }

    pub(crate) fn contains(&self, id: Ulid) -> bool {
        (self.start..=self.end).contains(&self.direction.rank(id))
    }

    /// The smallest and the greatest identifier; `None` if there is none.
    pub(crate) fn ids(&self) -> Option<(Ulid, Ulid)> {
        let (one, other) = match self.direction {
            Direction::Down => (Ulid(!self.end), Ulid(!self.start)),
            Direction::Up => (Ulid(self.start), Ulid(self.end)),
        };
        (one <= other).then_some((one, other))
    }
}

#[cfg(test)]
mod tests {
    use kernel::TimeRange;

    use super::*;

    #[test]
    fn a_page_begins_behind_its_position_and_within_its_times() {
        let at = Timestamp::from_millis;
        let time_range = TimeRange {
            created_after: Some(at(10)),
            updated_after: Some(at(12)),
            created_before: Some(at(20)),
            updated_before: None,
            ..TimeRange::default()
        };
        let page = PageRequest { time_range, ..PageRequest::default() };
        let window = Window::of_page(&page);
        assert_eq!(window.ids(), Some((at(12).first_ulid(), at(20).last_ulid_before())));
        let after = Some(Position::Newest(at(15).first_ulid()));
        let window = Window::of_page(&PageRequest { after, ..page });
        assert_eq!(window.ids(), Some((at(12).first_ulid(), at(15).last_ulid_before())));
        let after = Some(Position::Changed(at(15), at(15).first_ulid()));
        let window = Window::of_page(&PageRequest { after, order: Order::Changed, ..page });
        assert_eq!(window.ids(), Some((Ulid(at(15).first_ulid().0 + 1), at(20).last_ulid_before())));
    }

    #[test]
    fn a_range_without_identifiers_is_empty() {
        let time_range = TimeRange { created_before: Some(Timestamp::MIN), ..TimeRange::default() };
        let after = [None, Some(Position::Newest(Ulid::nil())), Some(Position::Changed(Timestamp::MAX, Ulid::max()))];
        for (time_range, after) in
            [(time_range, after[0]), (TimeRange::default(), after[1]), (TimeRange::default(), after[2])]
        {
            let window = Window::of_page(&PageRequest { time_range, after, ..PageRequest::default() });
            assert_eq!(window.ids(), None);
            assert!(!window.contains(Ulid::nil()) && !window.contains(Ulid::max()));
        }
    }

    #[test]
    fn a_list_continues_behind_a_position_with_the_rank_that_it_was_made_of() {
        for direction in [Direction::Down, Direction::Up] {
            assert_eq!(direction.position_before(0), None);
            for rank in [1, 7, Rank::MAX] {
                let position = direction.position_before(rank).unwrap();
                assert_eq!(direction.rank_behind(position), Some(rank), "{direction:?}");
            }
        }
    }
}
