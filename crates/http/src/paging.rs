//! The parameters every list takes (contract v1 § 6).

use kernel::{Order, PageLimit, PageRequest, Timestamp, Window};
use serde_json::json;

use crate::query::Query;

/// What was asked for, before its cursor is opened.
pub(crate) struct Asked {
    pub(crate) page: PageRequest,
    pub(crate) cursor: Option<String>,
    /// The parameters that tell one page from another.
    pages: Vec<&'static str>,
}

impl Asked {
    /// Finds fault with what has no meaning where the whole collection is asked for.
    pub(crate) fn refuse_pages(&self, query: &mut Query<'_>) {
        for name in &self.pages {
            query.fault(name, "goes with pages; application/x-ndjson gives the whole collection");
        }
    }
}

pub(crate) fn read(query: &mut Query<'_>) -> Asked {
    let limit = query.one(
        "limit",
        "How many records at most; above 200 is 200. A page may hold fewer, or none, though more follow.",
        || json!({ "type": "integer", "minimum": 1, "maximum": 200, "default": 50 }),
        read_limit,
    );
    let cursor = query.one(
        "cursor",
        "Where to go on: `nextCursor` of the page before, with the same filters.",
        || json!({ "type": "string" }),
        |text| Ok::<_, &str>(text.to_owned()),
    );
    let created_after = moment(query, "createdAfter", "Created at this moment or later.");
    let created_before = moment(query, "createdBefore", "Created before this moment.");
    let updated_after = moment(query, "updatedAfter", "Changed at this moment or later.");
    let updated_since = moment(query, "updated_since", "Another name of `updatedAfter`.");
    let updated_before = moment(query, "updatedBefore", "Changed before this moment.");
    if updated_after.is_some() && updated_since.is_some() {
        query.fault("updated_since", "is another name of updatedAfter: give one of them");
    }
    let order = query.one(
        "order",
        "`updated`, with an `updated…` filter: oldest change first, for catching up. Newest creation first otherwise.",
        || json!({ "type": "string", "enum": ["updated"] }),
        |text| if text == "updated" { Ok(Order::Changed) } else { Err("must be one of: updated") },
    );
    let window =
        Window { created_after, created_before, updated_after: updated_after.or(updated_since), updated_before };
    if order.is_some() && window.updated_after.is_none() && window.updated_before.is_none() {
        query.fault("order", "goes with updatedAfter, updated_since or updatedBefore");
    }
    let page = PageRequest { limit: limit.unwrap_or_default(), order: order.unwrap_or_default(), after: None, window };
    let pages = [limit.is_some().then_some("limit"), cursor.is_some().then_some("cursor")];
    Asked { page, cursor, pages: pages.into_iter().flatten().collect() }
}

fn read_limit(text: &str) -> Result<PageLimit, &'static str> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let limit = if digits { text.parse().unwrap_or(u64::MAX) } else { 0 };
    if limit == 0 { Err("must be a whole number of at least 1") } else { Ok(PageLimit::clamped(limit)) }
}

fn moment(query: &mut Query<'_>, name: &'static str, says: &'static str) -> Option<Timestamp> {
    query.one(
        name,
        says,
        || json!({ "anyOf": [{ "type": "string", "format": "date-time" }, { "type": "string", "format": "date" }] }),
        |text| Timestamp::parse_date_or_time(text).map_err(|_| "must be a date or an RFC 3339 timestamp"),
    )
}
