//! The SQL of lists. A statement is built for each plan of a list, never for its values, so there are few and each is
//! prepared once: every bound is always present, and numbers of values are rounded up. Statements are written by hand
//! with numbered parameters, because the same value occurs in many ranges.

use kernel::Comparison;

use super::{
    residual::{at_least, checked_filters, is_in_list},
    scan_order::{DUE_COLUMN, RANGE_CONDITIONS, ScanOrder, due_conditions},
    table::Filter,
};
use crate::engine::{Column, Sql, column_list, one_of, padded_count};

/// The table that a list reads.
#[derive(Clone, Copy)]
pub(crate) struct Source<'c> {
    pub(crate) table: &'c str,
    pub(crate) columns: &'c [Column],
    pub(crate) filters: &'c [Filter],
    /// The column between organization and identifier in the primary key, if there is one.
    pub(crate) parent: Option<&'static str>,
    /// A column that no index holds and that is never null.
    pub(crate) unindexed: &'static str,
}

/// The plan of a list query. Two lists of one table with the same plan share their statement.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ListPlan {
    scan_order: ScanOrder,
    /// Whether rows are restricted to a range of due dates, beside the scan order.
    has_due_range: bool,
    /// The filter that is looked up in an index: its index in the list of filters, and the number of ranges.
    pub(crate) driver: Option<(usize, usize)>,
    /// The filters that are checked row by row: their indexes in the list of filters, and the number of parameters of each.
    pub(crate) residual: Vec<(usize, usize)>,
    /// The most rows to scan; `None` if every scanned row belongs to the page, or one range holds them all.
    scan_limit: Option<usize>,
}

/// The most ranges of one statement. With more values a filter is checked row by row instead. No filter of a request
/// has that many.
const MAX_RANGES: usize = 64;

/// The kinds of rows of a list that scans more than its page. The first column has the kind.
pub(crate) mod row_kind {
    /// The last row that was scanned, which does not belong to the page.
    pub(crate) const LAST_SCANNED: i64 = 0;
    /// A row that belongs to the page.
    pub(crate) const PAGE: i64 = 1;
}

// The parameter numbers of the organization, the limit and the first bound of the scan order.
const ORGANIZATION: usize = 1;
const LIMIT: usize = 2;
const BOUNDS: usize = 3;

impl ListPlan {
    /// Creates the plan of a list with this many values for each filter. `residual_bounds` tells whether the other
    /// bounds of the scan order exclude anything, and `has_due_range` whether there is a range of due dates beside it;
    /// `scan_limit` is the most rows it may scan.
    pub(crate) fn new(
        scan_order: ScanOrder,
        residual_bounds: bool,
        has_due_range: bool,
        filters: &[Filter],
        counts: &[usize],
        scan_limit: usize,
    ) -> Self {
        let used = || filters.iter().zip(counts.iter().copied()).enumerate().filter(|(_, (_, count))| *count > 0);
        let driver = used()
            .filter(|(_, (filter, _))| filter.is_indexed(scan_order.is_by_due_date()))
            .filter(|(_, (filter, count))| filter.is_unique() || *count <= MAX_RANGES)
            .min_by_key(|(_, (filter, count))| (filter.selectivity, *count));
        let unique = driver.is_some_and(|(_, (filter, _))| filter.is_unique());
        let driver_index = driver.map(|(index, _)| index);
        let wanted: Vec<_> = used().map(|(index, _)| index).filter(|index| driver_index != Some(*index)).collect();
        let is_selective = driver.is_some_and(|(_, (filter, _))| filter.is_selective());
        let checks_all = has_due_range || unique || scan_order.is_by_due_date();
        let residual: Vec<_> = checked_filters(filters, &wanted, checks_all, is_selective)
            .filter(|index| driver_index != Some(*index))
            .map(|index| match filters[index].comparison {
                Comparison::OneOf => (index, 1),
                Comparison::AtLeast => (index, counts[index]),
            })
            .collect();
        let driver = driver.map(|(index, (_, count))| match count {
            2..=64 if unique => (index, 64),
            count => (index, padded_count(count)),
        });
        let exact = unique
            || !residual_bounds
                && !has_due_range
                && residual.is_empty()
                && driver.is_none_or(|(_, ranges)| ranges == 1);
        Self { scan_order, has_due_range, driver, residual, scan_limit: (!exact).then_some(scan_limit.max(1)) }
    }

    /// Returns its statement. The parameters are: organization, limit, the bounds of the scan order, the values of the
    /// driver, and those of the residual filters.
    pub(crate) fn sql(&self, source: Source<'_>) -> Sql {
        match self.scan_limit {
            None => Sql::from_numbered_text(&self.single_range(source)),
            Some(scan_limit) => {
                let each = format!("ORDER BY {} LIMIT {scan_limit}", self.scan_order.order_by(""));
                Sql::from_ranges(&self.merged_ranges(source, scan_limit), &each)
            }
        }
    }

    /// Whether each row of the result begins with its [kind](row_kind). Otherwise all belong to the page.
    pub(crate) fn has_row_kinds(&self) -> bool {
        self.scan_limit.is_some()
    }

    /// Returns the SQL of one range in which every row belongs to the page, or of the few rows that unique keys name.
    fn single_range(&self, Source { table, columns, filters, .. }: Source<'_>) -> String {
        let driver =
            self.driver.map(|(driver, values)| one_of(column(filters, driver), self.driver_parameter(), values));
        // Planners would rather scan the organization's rows in their order than look up several keys.
        let is_lookup =
            self.driver.is_some_and(|(driver, _)| filters.get(driver).is_some_and(|filter| filter.is_unique()));
        let (bounds, order) = if self.driver.is_some_and(|(_, values)| values > 1) {
            (self.scan_order.checked_conditions(BOUNDS), self.scan_order.sorted_order_by())
        } else if is_lookup {
            (self.scan_order.conditions("", BOUNDS), self.scan_order.order_by(""))
        } else {
            (self.scan_order.exact_conditions(BOUNDS), self.scan_order.order_by(""))
        };
        let conditions = [
            vec![format!("organization_id = ?{ORGANIZATION}")],
            driver.into_iter().collect(),
            bounds,
            self.due_conditions(""),
            self.residual_conditions("", filters),
        ];
        format!(
            "SELECT {} FROM {table} WHERE {} ORDER BY {order} LIMIT ?{LIMIT}",
            column_list("", columns.iter().map(|column| column.name)),
            conditions.concat().join(" AND "),
        )
    }

    /// Returns the SQL that merges the ranges up to the scan limit and selects from them the rows of the page. The last
    /// scanned row comes after them, and is only searched for if the page is not full.
    fn merged_ranges(
        &self,
        Source { table, columns, filters, parent: within, unindexed }: Source<'_>,
        scan_limit: usize,
    ) -> String {
        let residual =
            self.residual.iter().map(|(filter, _)| column(filters, *filter)).filter(|column| within != Some(column));
        let keys: Vec<_> = self.scan_order.columns().iter().copied().chain(within).collect();
        let extra = self.scan_order.extra_column().into_iter().chain(self.has_due_range.then_some(DUE_COLUMN));
        // Planners would read columns that another index holds from there, and sort all that the organization has. No
        // index holds this one, and the condition on it, which every row meets, keeps planners from leaving it out.
        let checked: Vec<_> = extra.chain(residual).collect();
        let unindexed = (!checked.is_empty()).then_some(unindexed);
        let needed: Vec<_> = keys.iter().copied().chain(checked).chain(unindexed).collect();
        let order = self.scan_order.order_by("");
        let all = column_list("t.", columns.iter().map(|column| column.name));
        let by_key = within.into_iter().chain(["id"]).map(|column| format!("t.{column} = l.{column}"));
        let by_key: Vec<_> = std::iter::once(format!("t.organization_id = ?{ORGANIZATION}")).chain(by_key).collect();
        let conditions = [
            by_key.clone(),
            self.scan_order.conditions("l.", BOUNDS).split_off(RANGE_CONDITIONS),
            self.due_conditions("l."),
            self.residual_conditions("l.", filters),
            unindexed.into_iter().map(|column| format!("l.{column} IS NOT NULL")).collect(),
        ];
        // The cross joins keep SQLite from starting with the table.
        format!(
            "SELECT * FROM (SELECT {page}, {all} \
             FROM ({ranges} ORDER BY {order} LIMIT {scan_limit}) AS l CROSS JOIN {table} AS t \
             WHERE {conditions} ORDER BY {page_order} LIMIT ?{LIMIT}) AS page \
             UNION ALL SELECT * FROM (SELECT {last}, {all} \
             FROM ({key_ranges} ORDER BY {order} LIMIT 1 OFFSET {before}) AS l CROSS JOIN {table} AS t \
             WHERE {by_key}) AS last_scanned \
             LIMIT ?{LIMIT}",
            page = kind_column(row_kind::PAGE),
            last = kind_column(row_kind::LAST_SCANNED),
            ranges = self.ranges(table, &needed, filters),
            conditions = conditions.concat().join(" AND "),
            page_order = self.scan_order.order_by("l."),
            key_ranges = self.ranges(table, &keys, filters),
            by_key = by_key.join(" AND "),
            before = scan_limit - 1,
        )
    }

    /// Returns the SQL of a range of the index for each value of the driver.
    fn ranges(&self, table: &str, columns: &[&str], filters: &[Filter]) -> String {
        let columns = column_list("", columns.iter().copied());
        let bounds = self.scan_order.conditions("", BOUNDS)[..RANGE_CONDITIONS].join(" AND ");
        let range = |value: &str| {
            format!("SELECT {columns} FROM {table} WHERE organization_id = ?{ORGANIZATION}{value} AND {bounds}")
        };
        let Some((driver, ranges)) = self.driver else { return range("") };
        let column = column(filters, driver);
        let each = (0..ranges).map(|one| range(&format!(" AND {column} = ?{}", self.driver_parameter() + one)));
        let each: Vec<_> = each.collect();
        // A single range needs no order and limit of its own.
        if let [only] = &each[..] {
            only.clone()
        } else {
            format!("{{range}}{}{{end}}", each.join("{end} UNION ALL {range}"))
        }
    }

    /// Returns the conditions of the range of due dates on a row.
    fn due_conditions(&self, row: &str) -> Vec<String> {
        if !self.has_due_range {
            return Vec::new();
        }
        let first = BOUNDS + self.scan_order.bound_count();
        due_conditions(row, first)
    }

    /// Returns the conditions of the residual filters on a row.
    fn residual_conditions(&self, row: &str, filters: &[Filter]) -> Vec<String> {
        let mut parameter = self.driver_parameter() + self.driver.map_or(0, |(_, values)| values);
        let check = |(filter, values): &(usize, usize)| {
            let first = parameter;
            parameter += values;
            let column = format!("{row}{}", column(filters, *filter));
            match filters.get(*filter).map(|filter| filter.comparison) {
                Some(Comparison::AtLeast) => {
                    let bounds = (first..first + values).map(|parameter| at_least(&column, parameter));
                    bounds.collect::<Vec<_>>().join(" AND ")
                }
                _ => is_in_list(&column, first),
            }
        };
        self.residual.iter().map(check).collect()
    }

    fn driver_parameter(&self) -> usize {
        BOUNDS + self.scan_order.bound_count() + if self.has_due_range { 2 } else { 0 }
    }
}

/// Returns the column that precedes those of a record.
fn kind_column(kind: i64) -> String {
    format!("CAST({kind} AS bigint) AS kind")
}

fn column(filters: &[Filter], index: usize) -> &'static str {
    filters.get(index).map_or("", |filter| filter.column)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use findings::Finding;
    use kernel::ColumnType;

    use super::*;
    use crate::records::{scan_order::Within, table::Table as _};

    /// Counts the plans of all lists that a request can ask for, with at most fifty values of a text filter and eight
    /// of an enum filter.
    fn count_plans(orders: &[(ScanOrder, bool, bool)], filters: &[Filter], max_counts: &[usize]) -> usize {
        let mut counts = vec![Vec::new()];
        for max in max_counts {
            let sizes = [0, 1, 2, 5, 8, 9, 50].into_iter().filter(|size| size <= max);
            counts = sizes.flat_map(|size| counts.iter().map(move |before| [&before[..], &[size]].concat())).collect();
        }
        let plan = |(order, bounds, has_due_range): &(ScanOrder, bool, bool), counts: &Vec<usize>| {
            ListPlan::new(*order, *bounds, *has_due_range, filters, counts, 2_000)
        };
        let all: HashSet<_> =
            orders.iter().flat_map(|order| counts.iter().map(move |counts| plan(order, counts))).collect();
        all.len()
    }

    #[test]
    fn the_statements_of_all_list_plans_fit_the_cache_of_a_connection() {
        let mut records = vec![(ScanOrder::Newest, false, false)];
        for has_due_range in [false, true] {
            records.extend([
                (ScanOrder::NewestChangedWithin, true, has_due_range),
                (ScanOrder::Changed, false, has_due_range),
                (ScanOrder::Changed, true, has_due_range),
            ]);
        }
        for within in [Within::Any, Within::Ranges] {
            let is_bounded = within == Within::Ranges;
            records.extend([
                (ScanOrder::Due(within), is_bounded, false),
                (ScanOrder::WithoutDueDate(within), is_bounded, false),
            ]);
        }
        let max_values = |filter: &Filter| match <Finding as kernel::Record>::COLUMNS
            .iter()
            .find(|column| column.name == filter.column)
        {
            Some(kernel::Column { column_type: ColumnType::Name(names), .. }) => names.len(),
            _ => 50,
        };
        let max_values: Vec<usize> = Finding::FILTERS.iter().map(max_values).collect();
        let findings = count_plans(&records, Finding::FILTERS, &max_values);
        let entries = [Filter::selective("subject_id"), Filter::unselective("actor_id"), Filter::unselective("action")];
        let entries =
            count_plans(&[(ScanOrder::Newest, false, false), (ScanOrder::Oldest, false, false)], &entries, &[50; 3]);
        assert!(findings + entries < 400, "{findings} of findings, {entries} of entries");
    }
}
