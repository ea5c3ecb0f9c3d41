//! The SQL of lists. A text is made for each shape of list, never for its values, so there are few and each is prepared
//! once: every bound is always there, and numbers of values are rounded up. Written by hand, with numbered places, because
//! the same value stands in many ranges.

use sea_query::{Expr, ExprTrait as _};

use crate::{
    engine::{Column, Sql},
    presence,
    table::Filter,
};

/// In which order rows come, and by which columns they are bounded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Walk {
    /// By identifier, last first. Bound by: first and last identifier.
    Newest,
    /// The same, and what was changed in a window of time. Bound by: first and last identifier, window's start, its end.
    NewestWithin,
    /// By identifier, first first. Bound by: first and last identifier.
    Oldest,
    /// By last change, oldest first. Bound by: the place to start after, window's end, first and last identifier.
    Changed,
}

/// What a list is of.
#[derive(Clone, Copy)]
pub(crate) struct Source<'c> {
    pub(crate) table: &'static str,
    pub(crate) columns: &'c [Column],
    pub(crate) filters: &'c [Filter],
    /// The column between organization and identifier in the table's key, where there is one.
    pub(crate) within: Option<&'static str>,
}

/// What makes two lists of one table the same statement.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Shape {
    walk: Walk,
    /// The filter looked up: its place, and in how many ranges.
    pub(crate) lead: Option<(usize, usize)>,
    /// Those checked row by row: their places, and how many values each has at most.
    pub(crate) others: Vec<(usize, usize)>,
    /// How many rows are looked at, at most; `None` where each of them belongs to the page or one range holds them all.
    reach: Option<usize>,
}

/// More ranges than this are not worth their text: the filter is checked row by row instead. No filter of a request has
/// as many values.
const MOST_RANGES: usize = 64;

/// How many conditions of a walk bound a range of its index; the others are checked row by row.
const RANGING: usize = 2;

/// What a row of a list is: its first cell.
pub(crate) mod part {
    /// The last that was looked at, which does not belong to the page.
    pub(crate) const LOOKED: i64 = 0;
    /// One that belongs to the page.
    pub(crate) const PAGE: i64 = 1;
    /// None at all: it says what the page's horizon may be told as.
    pub(crate) const FLOOR: i64 = 2;
}

/// Where the organization, the limit and the first bound of the walk are bound.
const ORGANIZATION: usize = 1;
const LIMIT: usize = 2;
const BOUNDS: usize = 3;

impl Walk {
    /// What bounds it, those conditions first that bound a range of its index. The values are bound from `first` on.
    pub(crate) fn conditions(self, row: &str, first: usize) -> Vec<String> {
        let ids = |first| [format!("{row}id >= ?{first}"), format!("{row}id <= ?{}", first + 1)];
        match self {
            Self::Newest | Self::Oldest => ids(first).into(),
            Self::NewestWithin => {
                // The sum keeps planners from walking the index by change, which they would have to sort.
                let changed = |is: &str, place| format!("{row}updated_at + 0 {is} ?{place}");
                [&ids(first)[..], &[changed(">=", first + 2), changed("<", first + 3)]].concat()
            }
            Self::Changed => {
                let past = format!("({row}updated_at, {row}id) > (?{first}, ?{})", first + 1);
                let until = format!("{row}updated_at < ?{}", first + 2);
                [&[past, until][..], &ids(first + 3)].concat()
            }
        }
    }

    /// Its order, for an `ORDER BY`.
    pub(crate) fn order(self, row: &str) -> String {
        match self {
            Self::Newest | Self::NewestWithin => format!("{row}id DESC"),
            Self::Oldest => format!("{row}id"),
            Self::Changed => format!("{row}updated_at, {row}id"),
        }
    }

    fn bounds(self) -> usize {
        match self {
            Self::Newest | Self::Oldest => 2,
            Self::NewestWithin => 4,
            Self::Changed => 5,
        }
    }

    /// The columns of its order.
    fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Newest | Self::NewestWithin | Self::Oldest => &["id"],
            Self::Changed => &["id", "updated_at"],
        }
    }

    /// What else it is bounded by.
    fn further(self) -> Option<&'static str> {
        (self == Self::NewestWithin).then_some("updated_at")
    }
}

impl Shape {
    /// The shape of a list with this many values for each filter. `narrowed` says whether the walk's further bounds leave
    /// anything out, `reach` how many rows it may look at.
    pub(crate) fn of(walk: Walk, narrowed: bool, filters: &[Filter], counts: &[usize], reach: usize) -> Self {
        let given = || filters.iter().zip(counts.iter().copied()).enumerate().filter(|(_, (_, count))| *count > 0);
        let lead = given()
            .filter(|(_, (filter, count))| filter.leads() && (filter.is_unique() || *count <= MOST_RANGES))
            .min_by_key(|(_, (filter, count))| (filter.sharing, *count));
        let unique = lead.is_some_and(|(_, (filter, _))| filter.is_unique());
        let leading = lead.map(|(place, _)| place);
        let others: Vec<_> = given()
            .filter(|(place, _)| leading != Some(*place))
            .map(|(place, (_, count))| (place, rounded(count.max(2))))
            .collect();
        let lead = lead.map(|(place, (_, count))| match count {
            2..=64 if unique => (place, 64),
            count => (place, rounded(count)),
        });
        let straight = unique || !narrowed && others.is_empty() && lead.is_none_or(|(_, ranges)| ranges == 1);
        Self { walk, lead, others, reach: (!straight).then_some(reach.max(1)) }
    }

    /// Its statement. Bound are: organization, limit, the walk's bounds, the lead's values, those of the other filters, and
    /// at last the row of the process that asks. A row begins with which [`part`] it is, and with the floor of other
    /// processes and the mark, which only the row that is nothing else has: they are of no later snapshot than the page.
    pub(crate) fn sql(&self, source: Source<'_>) -> Sql {
        let floor = format!(
            "SELECT CAST({} AS bigint) AS part, {}, {}",
            part::FLOOR,
            presence::floor(&format!("?{}", self.process_at())),
            listed("", source.columns.iter().map(|_| "NULL")),
        );
        let rows = match self.reach {
            None => Sql::numbered(&self.straight(source)),
            Some(reach) => {
                let each = format!("ORDER BY {} LIMIT {reach}", self.walk.order(""));
                Sql::merging(&self.bounded(source, reach), &each)
            }
        };
        rows.after(&floor)
    }

    /// One range, in which every row belongs to the page; or the few rows that unique keys name.
    fn straight(&self, Source { table, columns, filters, .. }: Source<'_>) -> String {
        let lead = self.lead.map(|(lead, places)| one_of(column(filters, lead), self.lead_at(), places));
        let conditions = [
            vec![format!("organization_id = ?{ORGANIZATION}")],
            lead.into_iter().collect(),
            self.walk.conditions("", BOUNDS),
            self.checks("", filters),
        ];
        format!(
            "SELECT {}, {} FROM {table} WHERE {} ORDER BY {} LIMIT ?{LIMIT}",
            marked(part::PAGE),
            listed("", columns.iter().map(|column| column.name)),
            conditions.concat().join(" AND "),
            self.walk.order(""),
        )
    }

    /// The ranges, merged as far as may be looked, and of that what belongs to the page. After it, and only sought where
    /// the page is not full, the last row that was looked at.
    fn bounded(&self, Source { table, columns, filters, within }: Source<'_>, reach: usize) -> String {
        let checked =
            self.others.iter().map(|(other, _)| column(filters, *other)).filter(|other| within != Some(other));
        let keys: Vec<_> = self.walk.columns().iter().copied().chain(within).collect();
        let needed: Vec<_> = keys.iter().copied().chain(self.walk.further()).chain(checked).collect();
        let order = self.walk.order("");
        let all = listed("t.", columns.iter().map(|column| column.name));
        let looked_up = within.into_iter().chain(["id"]).map(|column| format!("t.{column} = l.{column}"));
        let looked_up: Vec<_> =
            std::iter::once(format!("t.organization_id = ?{ORGANIZATION}")).chain(looked_up).collect();
        let conditions =
            [looked_up.clone(), self.walk.conditions("l.", BOUNDS).split_off(RANGING), self.checks("l.", filters)];
        // The cross joins keep SQLite from beginning with the table.
        format!(
            "SELECT * FROM (SELECT {page}, {all} \
             FROM ({ranges} ORDER BY {order} LIMIT {reach}) AS l CROSS JOIN {table} AS t \
             WHERE {conditions} ORDER BY {by_looked} LIMIT ?{LIMIT}) AS page \
             UNION ALL SELECT * FROM (SELECT {last}, {all} \
             FROM ({places} ORDER BY {order} LIMIT 1 OFFSET {before}) AS l CROSS JOIN {table} AS t \
             WHERE {looked_up}) AS looked \
             LIMIT ?{LIMIT}",
            page = marked(part::PAGE),
            last = marked(part::LOOKED),
            ranges = self.ranges(table, &needed, filters),
            conditions = conditions.concat().join(" AND "),
            by_looked = self.walk.order("l."),
            places = self.ranges(table, &keys, filters),
            looked_up = looked_up.join(" AND "),
            before = reach - 1,
        )
    }

    /// A range of the walk's index for each value of the lead.
    fn ranges(&self, table: &str, columns: &[&str], filters: &[Filter]) -> String {
        let columns = listed("", columns.iter().copied());
        let bounds = self.walk.conditions("", BOUNDS)[..RANGING].join(" AND ");
        let range = |value: &str| {
            format!("SELECT {columns} FROM {table} WHERE organization_id = ?{ORGANIZATION}{value} AND {bounds}")
        };
        let Some((lead, ranges)) = self.lead else { return range("") };
        let each = (0..ranges).map(|one| range(&format!(" AND {} = ?{}", column(filters, lead), self.lead_at() + one)));
        let each: Vec<_> = each.collect();
        // A single one has the order and the limit of the whole.
        if let [only] = &each[..] {
            only.clone()
        } else {
            format!("{{range}}{}{{end}}", each.join("{end} UNION ALL {range}"))
        }
    }

    /// The other filters, on a row.
    fn checks(&self, row: &str, filters: &[Filter]) -> Vec<String> {
        let mut place = self.lead_at() + self.lead.map_or(0, |(_, places)| places);
        let check = |(other, places): &(usize, usize)| {
            let first = place;
            place += places;
            one_of(&format!("{row}{}", column(filters, *other)), first, *places)
        };
        self.others.iter().map(check).collect()
    }

    fn process_at(&self) -> usize {
        let places = self.lead.iter().chain(&self.others).map(|(_, places)| places).sum::<usize>();
        self.lead_at() + places
    }

    fn lead_at(&self) -> usize {
        BOUNDS + self.walk.bounds()
    }
}

/// The cells before those of a record.
fn marked(part: i64) -> String {
    format!("CAST({part} AS bigint) AS part, CAST(NULL AS bigint) AS floor, CAST(NULL AS bigint) AS told_before")
}

fn column(filters: &[Filter], place: usize) -> &'static str {
    filters.get(place).map_or("", |filter| filter.column)
}

/// Columns of a row, for a `SELECT`.
pub(crate) fn listed<'c>(row: &str, columns: impl Iterator<Item = &'c str>) -> String {
    columns.map(|column| format!("{row}{column}")).collect::<Vec<_>>().join(", ")
}

/// Whether the column has one of so many values, bound from `first` on.
pub(crate) fn one_of(column: &str, first: usize, places: usize) -> String {
    let places: Vec<_> = (first..first + places).map(|place| format!("?{place}")).collect();
    format!("{column} IN ({})", places.join(", "))
}

/// How many places a list of values has: few sizes, so that there are few texts.
pub(crate) fn rounded(count: usize) -> usize {
    match count {
        0..=1 => 1,
        2..=8 => 8,
        9..=64 => 64,
        _ => count.next_multiple_of(512),
    }
}

/// Whether the column has one of `count` values.
pub(crate) fn among(column: &'static str, count: usize) -> Expr {
    Expr::col(column).is_in((0..count).map(|_| place()))
}

/// Where a value will be bound.
pub(crate) fn place() -> Expr {
    Expr::val("")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use findings::Finding;

    use super::*;
    use crate::table::Table as _;

    /// The shapes of all lists that a request can ask for: fifty values of a text at most, eight of a word.
    fn shapes(walks: &[(Walk, bool)], filters: &[Filter], most: &[usize]) -> usize {
        let mut counts = vec![Vec::new()];
        for most in most {
            let sizes = [0, 1, 2, 5, 8, 9, 50].into_iter().filter(|size| size <= most);
            counts = sizes.flat_map(|size| counts.iter().map(move |before| [&before[..], &[size]].concat())).collect();
        }
        let shape =
            |(walk, narrowed): &(Walk, bool), counts: &Vec<usize>| Shape::of(*walk, *narrowed, filters, counts, 2_000);
        let all: HashSet<_> =
            walks.iter().flat_map(|walk| counts.iter().map(move |counts| shape(walk, counts))).collect();
        all.len()
    }

    #[test]
    fn every_shape_of_a_list_fits_the_cache_of_a_connection() {
        let records =
            [(Walk::Newest, false), (Walk::NewestWithin, true), (Walk::Changed, false), (Walk::Changed, true)];
        let findings = shapes(&records, Finding::FILTERS, &[50, 50, 8, 5, 8]);
        let entries = [Filter::by_subject("subject_id"), Filter::by_word("actor_id"), Filter::by_word("action")];
        let entries = shapes(&[(Walk::Newest, false), (Walk::Oldest, false)], &entries, &[50; 3]);
        assert!(findings + entries < 400, "{findings} of findings, {entries} of entries");
    }
}
