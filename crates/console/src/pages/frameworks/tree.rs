//! The requirements of a version as a tree. Only the children of nodes that are open are read.

use std::collections::{BTreeMap, BTreeSet};

use http_api::{pipeline::App, response::Problem};
use kernel::{Filter, Id, OrganizationId, PageLimit, PageRequest, Reader, Stored};
use maud::{Markup, html};
use registers::{CoverageLink, FrameworkNode, FrameworkVersion, NodeKind};
use store::DynStore;

use super::{
    coverage::VersionCoverage,
    covering::{coverage, load_targets},
};
use crate::{components::Icon, registers::RecordNames};

/// The most nodes that are open at a time.
pub(super) const MAX_OPEN: usize = 12;

/// The most levels of a tree.
const MAX_DEPTH: usize = 6;

/// The nodes whose coverage is read at a time.
const NODES_PER_READ: usize = 50;

/// The visible part of a tree.
pub(super) struct Tree {
    roots: Vec<Stored<FrameworkNode>>,
    /// The children of the nodes that are open.
    children: BTreeMap<String, Vec<Stored<FrameworkNode>>>,
    /// The links of the visible nodes.
    links: Vec<Stored<CoverageLink>>,
    /// The names of the records that these name as their targets.
    pub(super) targets: RecordNames,
    open: BTreeSet<String>,
    /// The coverage of the whole version, unless it is too large.
    coverage: Option<VersionCoverage>,
    /// Whether only what is not covered is shown.
    shows_gaps: bool,
}

fn page() -> PageRequest {
    PageRequest { limit: PageLimit::clamped(u64::from(PageLimit::MAX)), ..PageRequest::default() }
}

async fn nodes(
    store: &DynStore,
    organization: OrganizationId,
    filter: &Filter<FrameworkNode>,
) -> Result<Vec<Stored<FrameworkNode>>, Problem> {
    let mut nodes = Reader::<FrameworkNode>::list(store, organization, filter, &page()).await?.items;
    nodes.sort_by_key(|node| (node.record.position, node.meta.id));
    Ok(nodes)
}

impl Tree {
    /// Loads the roots, and the children of the nodes with these keys as far as they are visible.
    ///
    /// # Errors
    /// The error response if the store fails.
    pub(super) async fn load(
        app: &App,
        organization: OrganizationId,
        version: Id<FrameworkVersion>,
        open: BTreeSet<String>,
        shows_gaps: bool,
    ) -> Result<Self, Problem> {
        let store = &*app.services.store;
        let coverage = VersionCoverage::load(app, organization, version).await?;
        let of_version = || Filter::<FrameworkNode>::default().with("framework_version_id", [version]);
        let mut roots = nodes(store, organization, &of_version().with("node_kind", [NodeKind::Group])).await?;
        roots.retain(|node| node.record.parent_node_id.is_none());
        if roots.is_empty() {
            roots = nodes(store, organization, &of_version()).await?;
            roots.retain(|node| node.record.parent_node_id.is_none());
        }
        let mut children: BTreeMap<String, Vec<Stored<FrameworkNode>>> = BTreeMap::new();
        let mut level: Vec<Stored<FrameworkNode>> = roots.clone();
        let mut visible: Vec<Id<FrameworkNode>> = roots.iter().map(|node| node.meta.id).collect();
        for _ in 0..MAX_DEPTH {
            let mut next = Vec::new();
            for node in level.iter().filter(|node| open.contains(node.record.key.as_str())) {
                let filter = Filter::<FrameworkNode>::default().with("parent_node_id", [node.meta.id]);
                let found = nodes(store, organization, &filter).await?;
                visible.extend(found.iter().map(|node| node.meta.id));
                next.extend(found.iter().cloned());
                children.insert(node.record.key.to_string(), found);
            }
            level = next;
        }
        let mut links = Vec::new();
        for ids in visible.chunks(NODES_PER_READ) {
            let filter = Filter::<CoverageLink>::default().with("node_id", ids.iter().copied());
            links.extend(Reader::<CoverageLink>::list(store, organization, &filter, &page()).await?.items);
        }
        let targets = load_targets(app, organization, links.iter().map(|link| &link.record)).await?;
        let shows_gaps = shows_gaps && coverage.is_some();
        Ok(Self { roots, children, links, targets, open, coverage, shows_gaps })
    }

    /// The visible node with this key.
    pub(super) fn node(&self, key: &str) -> Option<&Stored<FrameworkNode>> {
        self.roots.iter().chain(self.children.values().flatten()).find(|node| node.record.key.as_str() == key)
    }

    /// The links of a visible node.
    pub(super) fn links(&self, node: &Stored<FrameworkNode>) -> impl Iterator<Item = &Stored<CoverageLink>> {
        let id = node.meta.id;
        self.links.iter().filter(move |link| link.record.node_id == id)
    }

    /// The coverage of the whole version, unless it is too large.
    pub(super) const fn version_coverage(&self) -> Option<&VersionCoverage> {
        self.coverage.as_ref()
    }

    /// Whether only what is not covered is shown.
    pub(super) const fn shows_gaps(&self) -> bool {
        self.shows_gaps
    }

    /// The address of the page with the same nodes open, with all nodes or only with those that are not covered.
    pub(super) fn address(&self, path: &str, selected: &str, shows_gaps: bool) -> String {
        address(path, &self.open, selected, shows_gaps)
    }

    /// Whether a node is shown.
    fn is_shown(&self, node: &Stored<FrameworkNode>) -> bool {
        !self.shows_gaps || self.coverage.as_ref().is_none_or(|coverage| coverage.has_gap(node.meta.id))
    }

    /// Whether there is no node.
    pub(super) fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }

    /// The table. `path` is the address of the page, and `selected` the key of the node that it shows.
    pub(super) fn table(&self, path: &str, selected: &str) -> Markup {
        html! {
            div.tbl role="group" aria-label="Requirements as a tree, with coverage" tabindex="0" {
                table.tree {
                    caption.vh { "Requirements as a tree, with coverage" }
                    thead { tr { th scope="col" { "Requirement" } th.num scope="col" { "Coverage" } } }
                    tbody { (self.rows(path, selected, &self.roots, 1)) }
                }
            }
        }
    }

    fn rows(&self, path: &str, selected: &str, nodes: &[Stored<FrameworkNode>], depth: usize) -> Markup {
        html! {
            @for node in nodes.iter().filter(|node| self.is_shown(node)) {
                @let key = node.record.key.as_str();
                @let is_leaf = node.record.node_kind == NodeKind::Enhancement;
                tr class=(class_of(node, key == selected)) {
                    th scope="row" {
                        span class={ "n l" (depth.min(3)) } {
                            @if is_leaf { span.leaf {} } @else {
                                @let is_open = self.open.contains(key);
                                a href=(self.toggled(path, key, selected)) aria-expanded=(if is_open { "true" } else { "false" })
                                    aria-label={ @if is_open { "Close " } @else { "Open " } (key) } { (Icon::ChevronRight) }
                            }
                            span.id { (key) }
                            a.prime dir="auto" href=(address(path, &self.open, key, self.shows_gaps)) aria-current=[(key == selected).then_some("true")] { (node.record.title.as_str()) }
                        }
                    }
                    td.num {
                        @if node.record.node_kind != NodeKind::Group { (self.coverage(node)) }
                        @if let Some(below) = self.coverage.as_ref().and_then(|coverage| coverage.below(node.meta.id)) {
                            @if node.record.node_kind == NodeKind::Group { (below.badge()) } @else { span.sub { (below.text()) } }
                        }
                    }
                }
                @if let Some(children) = self.children.get(key) { (self.rows(path, selected, children, depth + 1)) }
            }
        }
    }

    /// The coverage of a node by its own links.
    pub(super) fn coverage(&self, node: &Stored<FrameworkNode>) -> Markup {
        coverage(self.links(node), &self.targets)
    }

    fn toggled(&self, path: &str, key: &str, selected: &str) -> String {
        let mut open = self.open.clone();
        if !open.remove(key) {
            open.insert(key.to_owned());
        }
        address(path, &open, selected, self.shows_gaps)
    }
}

const fn class_of(node: &Stored<FrameworkNode>, is_selected: bool) -> &'static str {
    match (node.record.node_kind, is_selected) {
        (NodeKind::Group, true) => "grp sel",
        (NodeKind::Group, false) => "grp",
        (_, true) => "sel",
        (_, false) => "",
    }
}

/// The address of the page with these nodes open.
fn address(path: &str, open: &BTreeSet<String>, selected: &str, shows_gaps: bool) -> String {
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let open: Vec<String> = open.iter().map(|key| format!("open={}", encode(key))).collect();
    let node = (!selected.is_empty()).then(|| format!("node={}", encode(selected)));
    let show = shows_gaps.then(|| "show=uncovered".to_owned());
    let query: Vec<String> = open.into_iter().chain(node).chain(show).collect();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_of_a_tree_names_what_is_open_and_what_is_shown() {
        let open = BTreeSet::from(["AC".to_owned(), "AC-2(1)".to_owned()]);
        assert_eq!(address("/app/v", &open, "AC-2", false), "/app/v?open=AC&open=AC-2%281%29&node=AC-2");
        assert_eq!(address("/app/v", &BTreeSet::new(), "", false), "/app/v");
        assert_eq!(address("/app/v", &BTreeSet::new(), "", true), "/app/v?show=uncovered");
    }
}
