//! The reference of the API: a page for each tag of our own OpenAPI document.

use axum::http::StatusCode;
use futures_util::future::BoxFuture;
use http_api::{
    pipeline::App,
    request::ApiRequest,
    response::{ApiResponse, Problem},
};
use maud::{Markup, html};
use serde_json::Value;

use super::{
    Desk, REFERENCE, account_secret::origin, developer_tabs, reference_endpoint::Endpoint, reference_operation::show,
};
use crate::{
    components::{Head, NONE, card, code_block, heading, page, tabs},
    response::page_response,
    services::ConsoleServices,
};

/// Returns the endpoints, those of one tag after another, in the order of their paths.
fn endpoints(document: &Value) -> Vec<Endpoint<'_>> {
    let paths = document["paths"].as_object().into_iter().flatten();
    let mut all: Vec<Endpoint<'_>> = paths
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().into_iter().flatten();
            let operations = methods.filter(|(_, operation)| operation["operationId"].is_string());
            operations.map(move |(method, operation)| Endpoint { method: method.to_ascii_uppercase(), path, operation })
        })
        .collect();
    all.sort_by(|a, b| (a.tag(), a.path, order_of(&a.method)).cmp(&(b.tag(), b.path, order_of(&b.method))));
    all
}

/// Reading comes before writing.
fn order_of(method: &str) -> usize {
    ["GET", "POST", "PATCH", "PUT", "DELETE"].iter().position(|one| *one == method).unwrap_or(usize::MAX)
}

/// The tags, in their order.
fn tags<'d>(endpoints: &'d [Endpoint<'d>]) -> Vec<&'d str> {
    let mut tags: Vec<&str> = endpoints.iter().map(Endpoint::tag).collect();
    tags.dedup();
    tags
}

/// The end of the address of the page of a tag.
fn slug(tag: &str) -> String {
    let letters =
        tag.chars().map(|letter| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { '-' });
    letters.collect()
}

/// Handles the request for the list of all endpoints.
pub(super) fn index<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let desk = Desk::of(app, request)?;
        let services = ConsoleServices::of(request)?;
        Ok(page_response(StatusCode::OK, contents(&desk, &services.api_document)))
    })
}

/// Handles the request for the page of a tag.
pub(super) fn tag<'a>(app: &'a App, request: &'a ApiRequest) -> BoxFuture<'a, Result<ApiResponse, Problem>> {
    Box::pin(async move {
        let desk = Desk::of(app, request)?;
        let services = ConsoleServices::of(request)?;
        let endpoints = endpoints(&services.api_document);
        let all = tags(&endpoints);
        let tag = all.iter().find(|tag| slug(tag) == request.path_text()).ok_or_else(Problem::not_found)?;
        Ok(page_response(StatusCode::OK, page_of(&desk, &services.api_document, &endpoints, &all, tag)))
    })
}

fn contents(desk: &Desk<'_>, document: &Value) -> Markup {
    let endpoints = endpoints(document);
    let below = html! {
        p {
            "Version " (document["info"]["version"].as_str().unwrap_or_default()) ". " (document["info"]["description"].as_str().unwrap_or_default())
            " Find a word on a page with your browser’s search."
        }
    };
    let actions = html! { a.btn href="/api/v1/openapi.json" { "OpenAPI document" } };
    let token = format!(
        "TOKEN=$(printf %s \"$SECRET\" | curl -s {}/api/v1/auth/token \\\n  -d grant_type=client_credentials -d client_id=\"$CLIENT_ID\" \\\n  --data-urlencode client_secret@- | jq -r .access_token)",
        origin(desk)
    );
    let content = html! {
        (heading("API reference", &below, &actions))
        (developer_tabs(REFERENCE))
        (card("token", "A token first", &NONE, &html! {
            div.body {
                p.small { "Every call has an access token, which a service account gets for its client id and secret. The examples on these pages take it from " code { "TOKEN" } "." }
                (code_block("token-call", "Getting a token with curl", &token))
            }
        }))
        @for tag in tags(&endpoints) {
            @let href = format!("{REFERENCE}/{}", slug(tag));
            (card(&slug(tag), tag, &html! { a href=(href) { "Open" span.vh { " " (tag) } } }, &html! {
                div.body { ul.stack.small.calls {
                    @for endpoint in endpoints.iter().filter(|endpoint| endpoint.tag() == tag) {
                        li {
                            a href={ (href) "#" (endpoint.text("operationId")) } { (endpoint.text("summary")) } " "
                            span.http.soft { (endpoint.method) } " " span.mono.any { (endpoint.path) }
                        }
                    }
                } }
            }))
        }
    };
    page(&desk.viewer, &Head { title: "API reference", section: REFERENCE, ..Head::default() }, &content)
}

fn page_of(desk: &Desk<'_>, document: &Value, endpoints: &[Endpoint<'_>], all: &[&str], tag: &str) -> Markup {
    let hrefs: Vec<(String, &str)> = all.iter().map(|tag| (format!("{REFERENCE}/{}", slug(tag)), *tag)).collect();
    let links: Vec<(&str, &str)> = hrefs.iter().map(|(href, title)| (href.as_str(), *title)).collect();
    let content = html! {
        (heading(tag, &NONE, &NONE))
        (tabs("Parts of the API", &links, &format!("{REFERENCE}/{}", slug(tag))))
        @for endpoint in endpoints.iter().filter(|endpoint| endpoint.tag() == tag) {
            (show(document, endpoint, &origin(desk)))
        }
    };
    let head = Head { title: tag, section: REFERENCE, above: &[("API reference", REFERENCE)], ..Head::default() };
    page(&desk.viewer, &head, &content)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn endpoints_are_grouped_by_tag_and_reading_comes_first() {
        let operation = |tag: &str, id: &str| json!({ "tags": [tag], "operationId": id });
        let document = json!({ "paths": {
            "/b": { "post": operation("Two", "x"), "get": operation("Two", "y"), "parameters": [] },
            "/a": { "get": operation("Two", "z") },
            "/c": { "get": operation("One", "w") },
        } });
        let endpoints = endpoints(&document);
        let ids: Vec<&str> = endpoints.iter().map(|endpoint| endpoint.text("operationId")).collect();
        assert_eq!(ids, ["w", "z", "y", "x"]);
        assert_eq!(tags(&endpoints), ["One", "Two"]);
        assert_eq!(slug("Change management"), "change-management");
    }
}
