//! The orders in which lists scan their rows.

/// The order in which a list scans its rows, and the columns that bound it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ScanOrder {
    /// By identifier, descending. Bounds: first and last identifier.
    Newest,
    /// As [`Self::Newest`], restricted to rows changed in a time range. Bounds: first and last identifier, start of the
    /// range, its end.
    NewestChangedWithin,
    /// By identifier, ascending. Bounds: first and last identifier.
    Oldest,
    /// By last change, oldest first. Bounds: the position to start after, end of the range, first and last identifier.
    Changed,
    /// The rows with a due date, soonest first. Bounds: the position to start after, end of the range; and those of
    /// [`Within::Ranges`].
    Due(Within),
    /// The rows without a due date, by identifier. Bounds: first identifier; and those of [`Within::Ranges`].
    WithoutDueDate(Within),
    /// All rows of [`Self::Due`], then all of [`Self::WithoutDueDate`], for streams. Bounds: those of [`Within::Ranges`].
    DueThenWithout(Within),
}

/// Whether rows in the order of due dates are restricted to other times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Within {
    /// They are not.
    Any,
    /// They are restricted to creation and change times. Bounds: first and last identifier, start and end of the range of
    /// change times.
    Ranges,
}

/// The column of due dates.
pub(super) const DUE_COLUMN: &str = "due_at";

/// The number of conditions of a scan order that bound a range of its index; the others are checked row by row.
pub(super) const RANGE_CONDITIONS: usize = 2;

impl ScanOrder {
    /// Returns the conditions of the order, first those that bound a range of its index. The number of the first
    /// parameter is `first`.
    pub(crate) fn conditions(self, row: &str, first: usize) -> Vec<String> {
        let ids = |first| [format!("{row}id >= ?{first}"), format!("{row}id <= ?{}", first + 1)];
        match self {
            Self::Newest | Self::Oldest => ids(first).into(),
            Self::NewestChangedWithin => {
                // The sum keeps planners from using the index by last change, whose rows would have to be sorted.
                let changed = |is: &str, parameter| format!("{row}updated_at + 0 {is} ?{parameter}");
                [&ids(first)[..], &[changed(">=", first + 2), changed("<", first + 3)]].concat()
            }
            Self::Changed => {
                let past = format!("({row}updated_at, {row}id) > (?{first}, ?{})", first + 1);
                let until = format!("{row}updated_at < ?{}", first + 2);
                [&[past, until][..], &ids(first + 3)].concat()
            }
            Self::Due(within) => {
                let past = format!("({row}{DUE_COLUMN}, {row}id) > (?{first}, ?{})", first + 1);
                let until = format!("{row}{DUE_COLUMN} < ?{}", first + 2);
                [vec![past, until], within.conditions(row, first + 3)].concat()
            }
            Self::WithoutDueDate(within) => {
                let without = format!("{row}{DUE_COLUMN} IS NULL");
                [vec![without, format!("{row}id >= ?{first}")], within.conditions(row, first + 1)].concat()
            }
            Self::DueThenWithout(within) => within.conditions(row, first),
        }
    }

    /// Returns the columns for an `ORDER BY`.
    pub(crate) fn order_by(self, row: &str) -> String {
        match self {
            Self::Newest | Self::NewestChangedWithin => format!("{row}id DESC"),
            Self::Oldest => format!("{row}id"),
            Self::Changed => format!("{row}updated_at, {row}id"),
            Self::Due(_) | Self::WithoutDueDate(_) => format!("{row}{DUE_COLUMN}, {row}id"),
            Self::DueThenWithout(_) => format!("{row}{DUE_COLUMN} NULLS LAST, {row}id"),
        }
    }

    pub(super) fn bound_count(self) -> usize {
        match self {
            Self::Newest | Self::Oldest => 2,
            Self::NewestChangedWithin => 4,
            Self::Changed => 5,
            Self::Due(within) => 3 + within.bound_count(),
            Self::WithoutDueDate(within) => 1 + within.bound_count(),
            Self::DueThenWithout(within) => within.bound_count(),
        }
    }

    /// Returns the columns that the rows are ordered by.
    pub(super) fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Newest | Self::NewestChangedWithin | Self::Oldest => &["id"],
            Self::Changed => &["id", "updated_at"],
            Self::Due(_) | Self::WithoutDueDate(_) | Self::DueThenWithout(_) => &["id", DUE_COLUMN],
        }
    }

    pub(super) fn is_by_due_date(self) -> bool {
        matches!(self, Self::Due(_) | Self::WithoutDueDate(_) | Self::DueThenWithout(_))
    }

    /// Returns the column of the bounds that no index range enforces, if it is not one of [`Self::columns`].
    pub(super) fn extra_column(self) -> Option<&'static str> {
        let has_one = match self {
            Self::Newest | Self::Oldest | Self::Changed => false,
            Self::NewestChangedWithin => true,
            Self::Due(within) | Self::WithoutDueDate(within) | Self::DueThenWithout(within) => within == Within::Ranges,
        };
        has_one.then_some("updated_at")
    }
}

impl Within {
    fn conditions(self, row: &str, first: usize) -> Vec<String> {
        match self {
            Self::Any => Vec::new(),
            // The sums keep planners from using the indexes by identifier and by last change.
            Self::Ranges => vec![
                format!("{row}id || '' >= ?{first}"),
                format!("{row}id || '' <= ?{}", first + 1),
                format!("{row}updated_at + 0 >= ?{}", first + 2),
                format!("{row}updated_at + 0 < ?{}", first + 3),
            ],
        }
    }

    fn bound_count(self) -> usize {
        match self {
            Self::Any => 0,
            Self::Ranges => 4,
        }
    }
}

/// Returns the conditions of a range of due dates, whose bounds are at `first` and after it. The sums keep planners from
/// using the index by due date.
pub(super) fn due_conditions(row: &str, first: usize) -> Vec<String> {
    vec![format!("{row}{DUE_COLUMN} + 0 >= ?{first}"), format!("{row}{DUE_COLUMN} + 0 < ?{}", first + 1)]
}
