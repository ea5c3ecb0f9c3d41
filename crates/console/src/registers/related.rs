//! The lists of the records that name a record, by their filters.

use std::sync::OnceLock;

use kernel::{ColumnType, Filter, Record};
use maud::{Markup, html};

use super::{filter_name, register_of};

/// A list that can be filtered by the identifier of a record.
struct Related {
    /// The prefix of the identifiers that the filter takes.
    prefix: &'static str,
    title: String,
    /// The address without the identifier at its end.
    address: String,
}

/// The links to the lists of the records that name the record with this identifier; `None` if no register does.
pub(super) fn related(id: &str) -> Option<Markup> {
    let prefix = id.rsplit_once('_').map_or(id, |(prefix, _)| prefix);
    let lists: Vec<&Related> = all().iter().filter(|list| list.prefix == prefix).collect();
    (!lists.is_empty()).then(|| {
        html! {
            div.body { ul.stack.small { @for list in lists { li { a href={ (list.address) (id) } { (list.title) } } } } }
        }
    })
}

fn all() -> &'static [Related] {
    static ALL: OnceLock<Vec<Related>> = OnceLock::new();
    macro_rules! lists {
        ($($kind:ident => $register:ty,)*) => { [$(of_register::<$register>(),)*].into_iter().flatten().collect() };
    }
    ALL.get_or_init(|| ::registers::for_each_register! { lists, })
}

fn of_register<R: Record>() -> Vec<Related> {
    let register = register_of::<R>();
    let by_id = Filter::<R>::columns().filter_map(|(index, column, _)| {
        let ColumnType::Id(prefix) = column.column_type else { return None };
        let address = format!("{}?{}=", register.path(), filter_name::<R>(index));
        let title = if prefix == R::PREFIX { format!("{} below it", register.title()) } else { register.title() };
        Some(Related { prefix, title, address })
    });
    by_id.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_leads_to_the_records_that_name_it() {
        let html = related("ind_01KSFQEHQ80000000000000002").expect("measurements name indicators").into_string();
        assert!(
            html.contains(
                "<a href=\"/app/measurements?indicatorDefinitionId=ind_01KSFQEHQ80000000000000002\">Measurements</a>"
            ),
            "{html}"
        );
        let html = related("fnode_01KSFQEHQ80000000000000002").expect("nodes name nodes").into_string();
        assert!(html.contains("Framework requirements below it") && html.contains("/app/coverage-links?"), "{html}");
        assert!(related("risk_01KSFQEHQ80000000000000002").is_none());
    }
}
