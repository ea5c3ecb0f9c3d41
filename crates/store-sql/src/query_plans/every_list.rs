//! Every list that a store can be asked for: of each kind of record, without a filter, with each filter, with several
//! values of it and with each pair of filters, in each order and with bounds of each time. None of them names an index: a
//! list scans ranges of one that leads with the organization, the value of a filter, and the columns of its order.
#![cfg(test)]

use std::collections::BTreeMap;

use super::*;
use crate::{
    engine::SqlType,
    records::table::{Filter as TableFilter, META_COLUMNS},
};

/// The scan limit of a page here: a small part of the rows with one value of a filter, as it is in large tables.
const FEW_ROWS: usize = 100;

/// The columns of each index, by its name.
pub(crate) type Indexes = BTreeMap<String, Vec<String>>;

/// A list, and what its plan must be.
pub(crate) struct List {
    /// The list, for messages.
    name: String,
    pub(crate) table: &'static str,
    pub(crate) sql: std::sync::Arc<Sql>,
    pub(crate) values: Vec<Value<'static>>,
    /// The filters with an index, of which one drives the query.
    drivers: Vec<&'static str>,
    order: &'static [&'static str],
    /// Whether a driver names single rows. They are found by their keys and sorted.
    is_lookup: bool,
}

impl List {
    /// Returns the faults of a plan: the steps of it that sort rows, and the indexes it reads that do not lead with the
    /// organization, the value of a filter if one has an index, and the order of the list.
    pub(crate) fn faults(&self, indexes: &Indexes, read: &[Option<&str>], sorts: bool, plan: &[String]) -> Vec<String> {
        let mut faults = Vec::new();
        if sorts && !self.is_lookup {
            faults.push("sorts".to_owned());
        }
        if read.is_empty() {
            faults.push("does not read the table".to_owned());
        }
        for index in read {
            match index.map(|index| (index, &indexes[index])) {
                None => faults.push("scans the table".to_owned()),
                Some((index, columns)) if !self.is_index(columns) => {
                    faults.push(format!("reads {index} of {columns:?}, which is not for it"));
                }
                Some(_) => {}
            }
        }
        faults.into_iter().map(|fault| format!("{} {fault}: {plan:#?}", self.name)).collect()
    }

    fn is_index(&self, columns: &[String]) -> bool {
        let order: &[&str] = if self.is_lookup { &[] } else { self.order };
        let starts_with = |driver: Option<&str>| {
            let leading = std::iter::once("organization_id").chain(driver).chain(order.iter().copied());
            leading.eq(columns.iter().map(String::as_str).take(1 + driver.iter().len() + order.len()))
        };
        if self.drivers.is_empty() {
            starts_with(None)
        } else {
            self.drivers.iter().any(|driver| starts_with(Some(driver)))
        }
    }
}

/// Every list of every kind of record.
pub(crate) fn every_list() -> Vec<List> {
    let mut all = Vec::new();
    macro_rules! each {
        ($($kind:ident => $record:ty,)*) => {
            $(all.extend(lists_of::<$record>());)*
        };
    }
    store::for_each_resource!(each);
    // An organization has one record of itself. Only operators list accounts, of which an organization has few, and
    // PostgreSQL may take the index by which credentials are looked up.
    all.retain(|list| {
        ![<kernel::Organization as Table>::NAME, <auth::ServiceAccount as Table>::NAME].contains(&list.table)
    });
    all
}

fn lists_of<R: Table>() -> Vec<List> {
    let count = R::FILTERS.len();
    let one = (0..count).map(|filter| vec![(filter, 1)]);
    let several = (0..count).filter(|filter| R::FILTERS[*filter].comparison == Comparison::OneOf);
    let pairs = (0..count).flat_map(|first| (first + 1..count).map(move |second| vec![(first, 1), (second, 1)]));
    let wanted = std::iter::once(Vec::new()).chain(one).chain(several.map(|filter| vec![(filter, 3)])).chain(pairs);
    let of_parent = |wanted: &Vec<(usize, usize)>| {
        R::PARENT.is_none_or(|parent| wanted.iter().any(|(filter, _)| R::FILTERS[*filter].column == parent.column))
    };
    let pages = every_page(R::HAS_DUE_DATE);
    wanted.filter(of_parent).flat_map(|wanted| pages.iter().map(move |page| list::<R>(&wanted, page))).collect()
}

fn list<R: Table>(wanted: &[(usize, usize)], page: &PageRequest) -> List {
    let mut values = vec![Vec::new(); R::FILTERS.len()];
    for (filter, count) in wanted {
        values[*filter] = (1..=*count).map(|number| filter_value(R::FILTERS[*filter], number)).collect();
    }
    let is_by_due_date = page.order == Order::Due;
    let filters = || wanted.iter().map(|(filter, _)| R::FILTERS[*filter]);
    let query = ListQuery::for_records(Id::<kernel::Organization>::new(Ulid(1)).into(), values, page);
    let ListStatement { sql, values, .. } = Statements::for_kind(R::KIND).list(&query, FEW_ROWS);
    List {
        name: format!(
            "the list of {} by {:?}, {page:?}",
            R::NAME,
            filters().map(|filter| filter.column).collect::<Vec<_>>()
        ),
        table: R::NAME,
        sql,
        values,
        drivers: filters().filter(|filter| filter.is_indexed(is_by_due_date)).map(|filter| filter.column).collect(),
        order: match page.order {
            Order::Newest => &["id"],
            Order::Changed => &["updated_at", "id"],
            Order::Due => &["due_at", "id"],
        },
        is_lookup: filters().any(TableFilter::is_unique),
    }
}

fn every_page(has_due_date: bool) -> Vec<PageRequest> {
    // Most rows are within the bounds: of a few, any index would do.
    let (since, until) = (Some(Timestamp::from_millis(0)), Some(Timestamp::from_millis(1_000_000_000)));
    let created = TimeRange { created_after: since, ..TimeRange::default() };
    let updated = TimeRange { updated_after: since, ..TimeRange::default() };
    let both = TimeRange { updated_before: until, ..created };
    let due = TimeRange { due_after: since, ..TimeRange::default() };
    let page = |order, time_range| PageRequest { order, time_range, ..PageRequest::default() };
    let mut pages: Vec<_> =
        [TimeRange::default(), created, updated, both].map(|range| page(Order::Newest, range)).into();
    pages.extend([updated, both].map(|range| page(Order::Changed, range)));
    if has_due_date {
        pages.extend(
            [Order::Newest, Order::Changed].map(|order| page(order, TimeRange { updated_after: since, ..due })),
        );
        pages.extend([TimeRange::default(), due, both].map(|range| page(Order::Due, range)));
        pages.push(PageRequest { after: Some(Position::Due(None, Ulid(5))), ..page(Order::Due, TimeRange::default()) });
    }
    pages
}

/// The organizations of the rows.
const ORGANIZATIONS: usize = 2;
/// The rows of each table.
const ROWS: usize = 20_000;
/// The values of a filter, by its selectivity. So many rows share each that none is found faster by sorting them.
const FEW_SHARE: usize = 10;
const MANY_SHARE: usize = 4;

/// Returns the statements that insert rows into the table of each kind of record on PostgreSQL.
pub(crate) fn rows_of_every_table() -> String {
    let mut all = Vec::new();
    macro_rules! each {
        ($($kind:ident => $record:ty,)*) => {
            $(all.push(rows_of::<$record>());)*
        };
    }
    store::for_each_resource!(each);
    all.join(";\n")
}

fn rows_of<R: Table>() -> String {
    let columns: Vec<_> = META_COLUMNS.iter().chain(R::COLUMNS).collect();
    let names: Vec<_> = columns.iter().map(|column| column.name).collect();
    let values = columns.iter().map(|column| match column.name {
        "organization_id" => format!("lpad((i % {ORGANIZATIONS})::text, 26, '0')"),
        "id" => "lpad(i::text, 26, '0')".to_owned(),
        "due_at" if R::HAS_DUE_DATE => "CASE WHEN i % 3 > 0 THEN i / 20 END".to_owned(),
        name if R::KEY.is_some_and(|key| key.column == name) => "'k-' || i".to_owned(),
        name => match R::FILTERS.iter().position(|filter| filter.column == name) {
            Some(index) if R::FILTERS[index].comparison == Comparison::OneOf => {
                let distinct = if R::FILTERS[index].is_selective() { FEW_SHARE } else { MANY_SHARE };
                // Rows with the same value of one filter have any values of the others.
                format!("lpad(((hashint4(i + {index} * {ROWS}) & 2147483647) % {distinct})::text, 26, '0')")
            }
            _ if column.sql_type == SqlType::Int => "i".to_owned(),
            // Unlike each other, since some of them identify their record.
            _ if column.sql_type == SqlType::Text => "'x-' || i".to_owned(),
            _ => "'x'".to_owned(),
        },
    });
    let (names, values) = (names.join(", "), values.collect::<Vec<_>>().join(", "));
    format!("INSERT INTO {} ({names}) SELECT {values} FROM generate_series(1, {ROWS}) AS i", R::NAME)
}

fn filter_value(filter: TableFilter, number: usize) -> Value<'static> {
    match filter.comparison {
        Comparison::AtLeast => Value::Int(5),
        Comparison::OneOf if filter.is_unique() => Value::from(format!("k-{number}")),
        Comparison::OneOf => Value::from(format!("{number:0>26}")),
    }
}
