//! The part of an operation that the pipeline handles its requests by.

use std::{any::Any, sync::Arc};

use axum::http::HeaderValue;
use futures_util::future::BoxFuture;

use super::app::App;
use crate::{
    request::{Access, ApiRequest, BodyRule, Charge, MediaType, Principal, Route, SignedInUser, cookie_value},
    response::{ApiResponse, Problem},
};

/// The handler of an endpoint.
pub type Handler = for<'a> fn(&'a App, &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>>;

/// The declarations that requests are handled by, with the state of the surface that the endpoint belongs to.
pub(crate) struct Endpoint {
    pub(crate) route: Route,
    /// The media types that it can respond with, the default one first.
    pub(crate) media_types: &'static [MediaType],
    /// The action of its audit entries.
    pub(crate) action: &'static str,
    /// The rule by which the bodies of its requests are read.
    pub(crate) body: BodyRule,
    pub(crate) handler: Handler,
    pub(crate) state: Arc<dyn Any + Send + Sync>,
    /// The form of its errors.
    pub(crate) errors: ErrorRenderer,
    pub(crate) audience: Audience,
}

/// Those whom a surface serves. Programs send a token with each request; the browsers of people send a cookie by
/// themselves, whoever has them send the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    Programs,
    People,
}

impl Audience {
    /// The callers of requests that match no route.
    pub(crate) const fn unmatched(self) -> Access {
        match self {
            Self::Programs => Access::Unmatched,
            Self::People => Access::UnmatchedPage,
        }
    }

    /// The headers that the responses depend on.
    pub(crate) const fn vary(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Programs => "Accept, Accept-Encoding, Authorization",
            Self::People => "Accept, Accept-Encoding, Cookie",
        })
    }

    /// The caching rule of responses that state none. No cache keeps what people see: after the sign-out nobody can go
    /// back to it.
    pub(crate) const fn cache_control(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Programs => "private, no-cache",
            Self::People => "no-store",
        })
    }
}

/// Returns the response for an error of a request.
pub type ErrorRenderer = fn(Problem, &FailedRequest<'_>) -> ApiResponse;

/// The parts of a request that the response for its error may speak of.
pub struct FailedRequest<'r> {
    /// The identifier of the request.
    pub request_id: &'r str,
    /// The path and the query of the request, as they were sent.
    pub target: &'r str,
    /// Whether the request only reads, so that it can be sent again.
    pub is_read: bool,
    pub(crate) principal: Option<&'r Principal>,
    pub(crate) cookies: &'r [HeaderValue],
}

impl<'r> FailedRequest<'r> {
    /// The person who has signed in, if one has.
    #[must_use]
    pub fn user(&self) -> Option<&'r SignedInUser> {
        self.principal.and_then(|principal| principal.user().ok())
    }

    /// Returns the value of a cookie.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&'r str> {
        cookie_value(self.cookies.iter(), name)
    }
}

/// The error as JSON, for programs.
pub(crate) fn json_error(problem: Problem, request: &FailedRequest<'_>) -> ApiResponse {
    problem.into_response(request.request_id)
}

impl Endpoint {
    /// The response for an error, with the headers that belong to it in every form.
    pub(crate) fn error_response(&self, mut problem: Problem, request: &FailedRequest<'_>) -> ApiResponse {
        let headers = problem.take_headers();
        let mut response = (self.errors)(problem, request);
        response.headers.extend(headers);
        response
    }

    /// Whether it is a page or a form for people, and neither one of the program's files nor an address without a page.
    pub(crate) fn is_page_for_people(&self) -> bool {
        let Route { access, charge, .. } = self.route;
        self.audience == Audience::People && access != Access::UnmatchedPage && charge != Charge::Free
    }

    /// Whether a response in this media type is a page: one for people, or that of a list, which can also be streamed.
    pub(crate) fn responds_with_page(&self, media_type: MediaType) -> bool {
        media_type == MediaType::Html
            || (media_type == MediaType::Json && self.media_types.contains(&MediaType::NdJson))
    }
}
