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
    /// Returns the conditions of the order on a row, first those that bound a range of its index. The number of the first
    /// parameter is `first`.
    pub(crate) fn conditions(self, row: &str, first: usize) -> Vec<String> {
        self.conditions_on(&Columns::indexed(row), &Columns::checked(row), first)
    }

    /// Returns the same conditions in a form for which planners use no index.
    pub(crate) fn checked_conditions(self, first: usize) -> Vec<String> {
        self.conditions_on(&Columns::checked(""), &Columns::checked(""), first)
    }

    /// Returns the conditions that bound a range of the index, if the others exclude no row.
    ///
    /// The identifiers of a list by last change are then not bounded: planners that do not know the values expect a bound
    /// of them to exclude nearly all rows, and sort what an index by identifier has. The condition has the same
    /// parameters, and holds.
    pub(crate) fn exact_conditions(self, first: usize) -> Vec<String> {
        let mut conditions = self.conditions("", first);
        if self == Self::Changed {
            conditions.truncate(RANGE_CONDITIONS);
            conditions.push(format!("?{} <= ?{}", first + 3, first + 4));
        }
        conditions
    }

    fn conditions_on(self, columns: &Columns, checked: &Columns, first: usize) -> Vec<String> {
        let Columns { id, updated_at, due_at } = columns;
        let ids = |first| [format!("{id} >= ?{first}"), format!("{id} <= ?{}", first + 1)];
        match self {
            Self::Newest | Self::Oldest => ids(first).into(),
            Self::NewestChangedWithin => [&ids(first)[..], &checked.changed_within(first + 2)].concat(),
            Self::Changed => {
                let past = format!("({updated_at}, {id}) > (?{first}, ?{})", first + 1);
                let until = format!("{updated_at} < ?{}", first + 2);
                [&[past, until][..], &ids(first + 3)].concat()
            }
            Self::Due(within) => {
                let past = format!("({due_at}, {id}) > (?{first}, ?{})", first + 1);
                let until = format!("{due_at} < ?{}", first + 2);
                [vec![past, until], within.conditions(checked, first + 3)].concat()
            }
            Self::WithoutDueDate(within) => {
                let without = format!("{due_at} IS NULL");
                [vec![without, format!("{id} >= ?{first}")], within.conditions(checked, first + 1)].concat()
            }
            Self::DueThenWithout(within) => within.conditions(checked, first),
        }
    }

    /// Returns the columns for an `ORDER BY` that an index answers.
    pub(crate) fn order_by(self, row: &str) -> String {
        self.order_by_columns(&Columns::indexed(row))
    }

    /// Returns the same `ORDER BY` in a form for which rows are sorted.
    pub(crate) fn sorted_order_by(self) -> String {
        self.order_by_columns(&Columns::checked(""))
    }

    fn order_by_columns(self, Columns { id, updated_at, due_at }: &Columns) -> String {
        match self {
            Self::Newest | Self::NewestChangedWithin => format!("{id} DESC"),
            Self::Oldest => id.clone(),
            Self::Changed => format!("{updated_at}, {id}"),
            Self::Due(_) | Self::WithoutDueDate(_) => format!("{due_at}, {id}"),
            Self::DueThenWithout(_) => format!("{due_at} NULLS LAST, {id}"),
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

/// The columns by which rows are ordered, as they are written in a statement.
struct Columns {
    id: String,
    updated_at: String,
    due_at: String,
}

impl Columns {
    fn indexed(row: &str) -> Self {
        Self { id: format!("{row}id"), updated_at: format!("{row}updated_at"), due_at: format!("{row}{DUE_COLUMN}") }
    }

    /// The columns in expressions, which no index holds.
    fn checked(row: &str) -> Self {
        let Self { id, updated_at, due_at } = Self::indexed(row);
        Self { id: format!("{id} || ''"), updated_at: format!("{updated_at} + 0"), due_at: format!("{due_at} + 0") }
    }

    fn changed_within(&self, first: usize) -> [String; 2] {
        [format!("{} >= ?{first}", self.updated_at), format!("{} < ?{}", self.updated_at, first + 1)]
    }
}

impl Within {
    fn conditions(self, checked: &Columns, first: usize) -> Vec<String> {
        match self {
            Self::Any => Vec::new(),
            Self::Ranges => {
                let ids = [format!("{} >= ?{first}", checked.id), format!("{} <= ?{}", checked.id, first + 1)];
                [ids, checked.changed_within(first + 2)].concat()
            }
        }
    }

    fn bound_count(self) -> usize {
        match self {
            Self::Any => 0,
            Self::Ranges => 4,
        }
    }
}

/// Returns the conditions of a range of due dates, whose bounds are at `first` and after it, for which planners use no
/// index.
pub(super) fn due_conditions(row: &str, first: usize) -> Vec<String> {
    let Columns { due_at, .. } = Columns::checked(row);
    vec![format!("{due_at} >= ?{first}"), format!("{due_at} < ?{}", first + 1)]
}
