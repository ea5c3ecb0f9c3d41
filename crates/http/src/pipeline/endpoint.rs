//! The part of an operation that the pipeline handles its requests by.

use std::{any::Any, sync::Arc};

use futures_util::future::BoxFuture;

use super::app::App;
use crate::{
    request::{ApiRequest, BodyRule, MediaType, Route},
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
}

impl Endpoint {
    /// Whether a response in this media type is a page of a list: every list can also be streamed.
    pub(crate) fn responds_with_page(&self, media_type: MediaType) -> bool {
        media_type == MediaType::Json && self.media_types.contains(&MediaType::NdJson)
    }
}
