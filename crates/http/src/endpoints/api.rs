//! A public API, and a surface of the server.

use std::{any::Any, sync::Arc};

use serde_json::Value;

use super::operation::Operation;
use crate::pipeline::{Audience, ErrorRenderer, json_error};

/// A public API: its endpoints, and what its OpenAPI document states besides them.
pub struct Api {
    /// The title of the document.
    pub title: &'static str,
    /// The version of the API.
    pub version: &'static str,
    /// The description of the API.
    pub description: &'static str,
    /// The path of the endpoint that issues access tokens.
    pub token_path: &'static str,
    /// The endpoints. A path without parameters must come before a path whose parameter would match its last segment.
    pub operations: Vec<Operation>,
    /// Returns the names and the JSON Schemas of the records, for the components of the document.
    pub schemas: fn() -> Vec<(&'static str, Value)>,
    /// Returns the `webhooks` section of the document.
    pub webhooks: fn() -> Value,
}

/// A surface of the server: endpoints with the state that only their handlers use.
pub struct Surface {
    pub(super) operations: &'static [Operation],
    pub(super) state: Arc<dyn Any + Send + Sync>,
    /// The beginning of its paths, by which requests that match none of them are assigned to it.
    pub(super) prefix: &'static str,
    pub(super) errors: ErrorRenderer,
    pub(super) audience: Audience,
}

impl Surface {
    /// Creates a surface for programs. Its handlers get the state from [`crate::request::ApiRequest::state`].
    #[must_use]
    pub fn new<T: Any + Send + Sync>(operations: &'static [Operation], state: Arc<T>) -> Self {
        Self { operations, state, prefix: "/api", errors: json_error, audience: Audience::Programs }
    }

    /// Creates a surface for people, with its own form of errors. Requests below `prefix` that match none of its paths
    /// are answered in that form, too. Writes are refused unless a page of this server had the browser send them.
    #[must_use]
    pub fn for_people<T: Any + Send + Sync>(
        operations: &'static [Operation],
        state: Arc<T>,
        prefix: &'static str,
        errors: ErrorRenderer,
    ) -> Self {
        Self { operations, state, prefix, errors, audience: Audience::People }
    }

    /// The endpoints.
    #[must_use]
    pub const fn operations(&self) -> &'static [Operation] {
        self.operations
    }
}
