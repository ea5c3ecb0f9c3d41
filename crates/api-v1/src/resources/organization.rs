//! `GET /organization`: the organization that the credentials belong to.

use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    App,
    request::{ApiRequest, Query},
    response::{ApiResponse, AsText, Problem},
};
use kernel::{Organization, OrganizationFilter, Reader, RecordKey, Slug, Stored, Subject, Timestamp, Title};
use serde::Serialize;
use utoipa::ToSchema;

use crate::view::{View, example_id, example_timestamp};

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct OrganizationDto<'a> {
    #[schema(value_type = String)]
    id: AsText<kernel::OrganizationId>,
    slug: &'a str,
    name: &'a str,
    /// The locale as a BCP 47 language tag.
    locale: &'a str,
    /// The time zone as a name of the IANA database.
    timezone: &'a str,
    #[schema(value_type = String, format = DateTime)]
    created_at: AsText<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    updated_at: AsText<Timestamp>,
}

impl View for Organization {
    const SINGULAR: &'static str = "organization";
    const PLURAL: &'static str = "organizations";
    const COMPONENT: &'static str = "Organization";
    type Dto<'a> = OrganizationDto<'a>;

    fn to_dto(stored: &Stored<Self>) -> OrganizationDto<'_> {
        let organization = &stored.record;
        OrganizationDto {
            id: AsText(stored.meta.id),
            slug: organization.slug.as_str(),
            name: organization.name.as_str(),
            locale: organization.locale.as_str(),
            timezone: organization.timezone.as_str(),
            created_at: AsText(stored.meta.created_at),
            updated_at: AsText(stored.meta.updated_at),
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
        Stored::new(organization, organization, example_timestamp(), record)
    }
}

/// Handles the request for the caller's own organization, which no parameter names.
pub(crate) fn get_current<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        Query::parse(request.query()).finish()?;
        let organization = request.principal()?.organization();
        let stored: Stored<Organization> =
            Reader::get(&*app.services.store, organization, organization).await?.ok_or_else(Problem::not_found)?;
        let response = if request.client_has(stored.meta.revision) {
            ApiResponse::empty(StatusCode::NOT_MODIFIED)
        } else {
            ApiResponse::record(StatusCode::OK, Organization::SINGULAR, &Organization::to_dto(&stored))
        };
        Ok(response.with_etag(stored.meta.revision).with_subject(Subject::from_id(stored.meta.id)))
    })
}
