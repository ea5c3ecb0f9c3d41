//! `GET /organization`: the organization that the credentials belong to.

use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use kernel::{Organization, OrganizationFilter, Reader, RecordKey, Slug, Stored, Subject, Timestamp, Title};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    app::App,
    call::Call,
    problem::Problem,
    query::Query,
    reply::Reply,
    view::{Shown, View, example_id, example_moment},
};

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrganizationShape<'a> {
    #[schema(value_type = String)]
    id: Shown<kernel::OrganizationId>,
    slug: &'a str,
    name: &'a str,
    /// The locale as a BCP 47 language tag.
    locale: &'a str,
    /// The time zone as a name of the IANA database.
    timezone: &'a str,
    #[schema(value_type = String, format = DateTime)]
    created_at: Shown<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Shown<Timestamp>,
}

impl View for Organization {
    const SINGULAR: &'static str = "organization";
    const PLURAL: &'static str = "organizations";
    const COMPONENT: &'static str = "Organization";
    type Shape<'a> = OrganizationShape<'a>;

    fn shape(stored: &Stored<Self>) -> OrganizationShape<'_> {
        let organization = &stored.record;
        OrganizationShape {
            id: Shown(stored.meta.id),
            slug: organization.slug.as_str(),
            name: organization.name.as_str(),
            locale: organization.locale.as_str(),
            timezone: organization.timezone.as_str(),
            created_at: Shown(stored.meta.created_at),
            updated_at: Shown(stored.meta.updated_at),
        }
    }

    fn filter(_: &mut Query<'_>) -> OrganizationFilter {
        OrganizationFilter
    }

    fn example() -> Stored<Self> {
        let organization = example_id(1);
        let record = Self {
            slug: Slug::parse("cedar-valley").expect("the example is valid"),
            name: Title::parse("Cedar Valley Credit Union").expect("the example is valid"),
            locale: RecordKey::parse("en-US").expect("the example is valid"),
            timezone: RecordKey::parse("America/Denver").expect("the example is valid"),
        };
        Stored::new(organization, organization, example_moment(), record)
    }
}

/// Handles the request for the caller's own organization, which no parameter names.
pub(crate) fn own<'a>(app: &'a App, request: &'a Call) -> BoxFuture<'a, Result<Reply, Problem>> {
    Box::pin(async move {
        Query::parse(request.query()).finish()?;
        let organization = request.known()?.organization();
        let stored: Stored<Organization> =
            Reader::get(&*app.services.store, organization, organization).await?.ok_or_else(Problem::not_found)?;
        let response = if request.has(stored.meta.revision) {
            Reply::empty(StatusCode::NOT_MODIFIED)
        } else {
            Reply::record(StatusCode::OK, Organization::SINGULAR, &Organization::shape(&stored))
        };
        Ok(response.revision(stored.meta.revision).about(Subject::from_id(stored.meta.id)))
    })
}
