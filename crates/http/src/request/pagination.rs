//! The parameters that every list accepts (contract v1 § 6).

use kernel::{Order, PageLimit, PageRequest, Resource, TimeRange, Timestamp};
use serde_json::json;

use super::{field_readers::timestamp_schema, query::Query};

/// Whether the records of a list have due dates, by which it can be filtered and ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DueDates {
    /// They have none.
    No,
    /// They can have one.
    Yes,
}

impl DueDates {
    /// Whether records of this kind have due dates.
    #[must_use]
    pub fn of<R: Resource>() -> Self {
        if R::HAS_DUE_DATE { Self::Yes } else { Self::No }
    }
}

/// The parameters of a list request, with the cursor still unread.
pub struct ListParameters {
    pub(crate) page: PageRequest,
    pub(crate) cursor: Option<String>,
    /// The names of the given parameters that only apply to pages.
    page_parameters: Vec<&'static str>,
}

impl ListParameters {
    /// Adds an error for each parameter that is meaningless in a request for the whole collection.
    pub(crate) fn reject_page_parameters(&self, query: &mut Query<'_>) {
        for name in &self.page_parameters {
            query.error(
                name,
                "applies only to pages; a response in application/x-ndjson always contains the whole collection",
            );
        }
    }
}

/// Reads the parameters that every list accepts, and those of lists by due date.
pub fn list_parameters(query: &mut Query<'_>, due_dates: DueDates) -> ListParameters {
    let limit = query.optional(
        "limit",
        "The maximum number of records per page. Values above 200 count as 200. A page may have fewer records, or none, even if more pages follow: it also ends when it has 512 KiB.",
        || json!({ "type": "integer", "minimum": 1, "default": 50 }),
        read_limit,
    );
    let cursor = query.optional(
        "cursor",
        "The `nextCursor` of the previous page. The filters and the order must be the same as for that page.",
        || json!({ "type": "string" }),
        |text| Ok::<_, &str>(text.to_owned()),
    );
    let created_after = timestamp(query, "createdAfter", "Only records created at this time or later.");
    let created_before = timestamp(query, "createdBefore", "Only records created before this time.");
    let updated_after = timestamp(query, "updatedAfter", "Only records changed at this time or later.");
    let updated_since = timestamp(query, "updated_since", "An alias of `updatedAfter`.");
    if let Some(since) = updated_since {
        query.set_meaning("updated_since", "updatedAfter", since.to_string());
    }
    let updated_before = timestamp(query, "updatedBefore", "Only records changed before this time.");
    if updated_after.is_some() && updated_since.is_some() {
        query.error("updated_since", "is an alias of updatedAfter: send only one of them");
    }
    let (due_after, due_before) = match due_dates {
        DueDates::No => (None, None),
        DueDates::Yes => (
            timestamp(query, "dueAfter", "Only records whose due date is this time or later."),
            timestamp(query, "dueBefore", "Only records whose due date is before this time."),
        ),
    };
    let order = order(query, due_dates);
    let time_range = TimeRange {
        created_after,
        created_before,
        updated_after: updated_after.or(updated_since),
        updated_before,
        due_after,
        due_before,
    };
    if order == Some(Order::Changed) && time_range.updated_after.is_none() && time_range.updated_before.is_none() {
        query.error("order", "requires updatedAfter, updated_since or updatedBefore");
    }
    let page =
        PageRequest { limit: limit.unwrap_or_default(), order: order.unwrap_or_default(), after: None, time_range };
    let pages = [limit.is_some().then_some("limit"), cursor.is_some().then_some("cursor")];
    ListParameters { page, cursor, page_parameters: pages.into_iter().flatten().collect() }
}

fn order(query: &mut Query<'_>, due_dates: DueDates) -> Option<Order> {
    let (names, description): (&[&str], _) = match due_dates {
        DueDates::No => (
            &["updated"],
            "`updated` sorts by the time of the last change, oldest first, which is for catching up; it requires an `updatedAfter`, `updated_since` or `updatedBefore` filter. Without it, the records created last come first.",
        ),
        DueDates::Yes => (
            &["updated", "due"],
            "`updated` sorts by the time of the last change, oldest first, which is for catching up; it requires an `updatedAfter`, `updated_since` or `updatedBefore` filter. `due` sorts by due date, soonest first, and records without one last; a record whose due date changes between two pages may be returned twice or not at all. Without it, the records created last come first.",
        ),
    };
    query.optional(
        "order",
        description,
        || json!({ "type": "string", "enum": names }),
        |text| match text {
            "updated" => Ok(Order::Changed),
            "due" if due_dates == DueDates::Yes => Ok(Order::Due),
            _ => Err(format!("must be one of: {}", names.join(", "))),
        },
    )
}

fn read_limit(text: &str) -> Result<PageLimit, &'static str> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let limit = if digits { text.parse().unwrap_or(u64::MAX) } else { 0 };
    if limit == 0 { Err("must be a whole number of at least 1") } else { Ok(PageLimit::clamped(limit)) }
}

fn timestamp(query: &mut Query<'_>, name: &'static str, description: &'static str) -> Option<Timestamp> {
    let time = query.optional(name, description, timestamp_schema, Timestamp::parse_date_or_time)?;
    query.set_meaning(name, name, time.to_string());
    Some(time)
}
