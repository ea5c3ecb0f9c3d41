//! The SQL of lists. A text is made for each shape of list, never for its values, so there are few and each is prepared
//! once: every bound is always there, and numbers of values are rounded up.

use sea_query::{Alias, Asterisk, Cond, Expr, ExprTrait as _, Order, Query, SelectStatement, UnionType};

use crate::{
    engine::{Column, Sql},
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

/// What makes two lists of one table the same statement.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Shape {
    pub(crate) walk: Walk,
    /// The filter looked up first: its place, and in how many ranges.
    pub(crate) lead: Option<(usize, usize)>,
    /// The others: their places, and how many values each has at most.
    pub(crate) others: Vec<(usize, usize)>,
}

/// More ranges than this are not worth their text: the filter is checked row by row instead.
const MOST_RANGES: usize = 16;

impl Shape {
    /// The shape of a list with this many values for each filter.
    pub(crate) fn of(walk: Walk, filters: &[Filter], counts: &[usize]) -> Self {
        let given = || filters.iter().zip(counts).enumerate().filter(|(_, (_, count))| **count > 0);
        let lead = given()
            .find(|(_, (filter, count))| filter.unique || **count <= MOST_RANGES)
            .filter(|(_, (filter, _))| !filter.unique)
            .map(|(place, (_, count))| (place, count.next_power_of_two()));
        let others = given()
            .filter(|(place, _)| lead.is_none_or(|(leading, _)| leading != *place))
            .map(|(place, (_, count))| (place, rounded(*count)))
            .collect();
        Self { walk, lead, others }
    }

    /// Its statement. Values are bound range by range: organization, the range's value, the walk's bounds, the other
    /// filters' values, the limit; and at the end, where there are several ranges, the limit once more.
    pub(crate) fn sql(&self, table: &'static str, columns: &[Column], filters: &[Filter]) -> Sql {
        let Some((lead, ranges)) = self.lead.filter(|(_, ranges)| *ranges > 1) else {
            return Sql::built(&self.range(table, columns, filters, self.lead.map(|(lead, _)| lead)));
        };
        // One range of the index for each value, each no longer than the page, merged.
        let each = || {
            let range = self.range(table, columns, filters, Some(lead));
            Query::select().column(Asterisk).from_subquery(range, Alias::new("r")).to_owned()
        };
        let mut merged = each();
        for _ in 1..ranges {
            merged.union(UnionType::All, each());
        }
        self.ordered(&mut merged);
        Sql::built(&merged)
    }

    fn range(
        &self,
        table: &'static str,
        columns: &[Column],
        filters: &[Filter],
        lead: Option<usize>,
    ) -> SelectStatement {
        let mut select = Query::select();
        select.columns(columns.iter().map(|column| column.name)).from(table);
        let mut conditions = Cond::all().add(Expr::col("organization_id").eq(place()));
        if let Some(filter) = lead.and_then(|lead| filters.get(lead)) {
            conditions = conditions.add(Expr::col(filter.column).eq(place()));
        }
        conditions = self.bounds().into_iter().fold(conditions, Cond::add);
        for (other, count) in &self.others {
            if let Some(filter) = filters.get(*other) {
                conditions = conditions.add(among(filter.column, *count));
            }
        }
        select.cond_where(conditions);
        self.ordered(&mut select);
        select
    }

    fn bounds(&self) -> Vec<Expr> {
        let ids = || vec![Expr::col("id").gte(place()), Expr::col("id").lte(place())];
        match self.walk {
            Walk::Newest | Walk::Oldest => ids(),
            Walk::NewestWithin => {
                // The sum keeps planners from walking the index by change, which they would have to sort.
                let changed = || Expr::cust("updated_at + 0");
                [ids(), vec![changed().gte(place()), changed().lt(place())]].concat()
            }
            Walk::Changed => {
                let past = Expr::tuple([Expr::col("updated_at"), Expr::col("id")]).gt(Expr::tuple([place(), place()]));
                [vec![past, Expr::col("updated_at").lt(place())], ids()].concat()
            }
        }
    }

    fn ordered(&self, select: &mut SelectStatement) {
        match self.walk {
            Walk::Newest | Walk::NewestWithin => select.order_by("id", Order::Desc),
            Walk::Oldest => select.order_by("id", Order::Asc),
            Walk::Changed => select.order_by("updated_at", Order::Asc).order_by("id", Order::Asc),
        };
        select.limit(1);
    }
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
