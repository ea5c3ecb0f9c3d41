//! The addresses of the pages of the route table, with records of the server under test in the places of parameters.

use std::collections::HashMap;

use axum::http::Method;
use http_api::{
    endpoints::Operation,
    request::{Access, MediaType},
};

use super::demo::Demo;

/// The pages that other tests look at: browsers have passkeys at names only, and a saved view, the result of a triage that
/// nobody made, and the address of the form that runs an import only lead to other pages.
const ELSEWHERE: [&str; 4] =
    ["/app/account/passkeys/{", "/app/views/{", "/app/findings/triage/result", "/app/import/{id}/run"];

/// A page of the route table.
pub(super) struct Page {
    pub(super) operation: &'static Operation,
    /// Its path, with parameters.
    pub(super) path: String,
}

impl Page {
    /// The name of its pictures.
    pub(super) fn name(&self) -> String {
        let words = self.operation.path.trim_start_matches("/app").replace(['{', '}'], "").replace('/', "-");
        if words.is_empty() { "overview".to_owned() } else { words.trim_start_matches('-').to_owned() }
    }
}

/// The pages of the route table that are open to somebody who has signed in. Each parameter is filled
/// from a link to such a page in one of the pages above it, as the person sees them who has signed in.
///
/// # Panics
/// If no page above has a link to a page with a parameter.
pub(super) async fn pages(demo: &Demo) -> Vec<Page> {
    let (mut pages, mut filled) = (Vec::new(), HashMap::new());
    for operation in console::route_table() {
        let is_elsewhere = ELSEWHERE.iter().any(|above| operation.path.starts_with(above));
        if is_page(operation) && operation.access != Access::Public && !is_elsewhere {
            pages.push(Page { operation, path: path_of(demo, operation.path, &mut filled).await });
        }
    }
    pages
}

/// Whether the operation responds with a page to look at.
pub(super) fn is_page(operation: &Operation) -> bool {
    operation.method == Method::GET && operation.media_types == [MediaType::Html]
}

/// The path with its parameters. `filled` has the paths of templates that end in a parameter.
async fn path_of(demo: &Demo, template: &'static str, filled: &mut HashMap<&'static str, String>) -> String {
    let mut path = String::new();
    for (start, segment) in segments(template) {
        if !segment.starts_with('{') {
            path = format!("{path}/{segment}");
            continue;
        }
        let end = start + segment.len();
        path = match filled.get(&template[..end]) {
            Some(path) => path.clone(),
            None => linked_path(demo, &template[..start - 1], &path).await,
        };
        filled.insert(&template[..end], path.clone());
    }
    path
}

/// The segments of a path, each with its offset.
fn segments(path: &str) -> impl Iterator<Item = (usize, &str)> {
    let starts = path.match_indices('/').map(|(index, _)| index + 1);
    starts.map(|start| (start, path[start..].split('/').next().unwrap_or_default()))
}

/// The path of a record below `path` to which a page above it has a link.
async fn linked_path(demo: &Demo, template: &str, path: &str) -> String {
    let (mut template_above, mut above) = (template, path);
    loop {
        if console::route_table().iter().any(|operation| is_page(operation) && operation.path == template_above) {
            demo.go(above).await;
            let links = demo.browser.run("return [...document.links].map(link => link.pathname)").await;
            let links = links.as_array().expect("links").iter().filter_map(|link| link.as_str());
            let mut ends = links.filter_map(|link| link.strip_prefix(&format!("{path}/"))?.split('/').next());
            if let Some(end) = ends.find(|end| !is_template(&format!("{template}/{end}"))) {
                return format!("{path}/{end}");
            }
        }
        let up = template_above.rsplit_once('/').zip(above.rsplit_once('/'));
        let Some(((up_template, _), (up_path, _))) = up.filter(|((up, _), _)| !up.is_empty()) else {
            panic!("no page above {template}/{{…}} has a link to one: say here how a browser comes to it");
        };
        (template_above, above) = (up_template, up_path);
    }
}

/// Whether the route table has this path as it is.
fn is_template(path: &str) -> bool {
    console::route_table().iter().any(|operation| operation.path == path)
}
