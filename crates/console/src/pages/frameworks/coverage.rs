//! How much of a version is covered: of each node, the requirements below it.

use std::collections::{HashMap, HashSet};

use http_api::{pipeline::App, response::Problem};
use kernel::{Filter, Id, OrganizationId, PageLimit, PageRequest, Reader, Record, Stored};
use maud::{Markup, html};
use registers::{Coverage, CoverageLink, FrameworkNode, FrameworkVersion, NodeKind};
use store::DynStore;

use super::covering::{is_in_force, load_targets};

/// The most pages of nodes, and of links, that are read. The coverage of a larger version is not summed up.
const MAX_PAGES: usize = 20;

/// The most nodes above another one.
const MAX_DEPTH: usize = 32;

/// The coverage of a version.
#[derive(Debug, Default)]
pub(super) struct VersionCoverage {
    /// The coverage of all requirements.
    pub(super) all: Totals,
    below: HashMap<Id<FrameworkNode>, Totals>,
    /// The nodes that are not covered, and those with such a one below.
    gaps: HashSet<Id<FrameworkNode>>,
}

/// The numbers of requirements and enhancements.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Totals {
    /// All of them.
    pub(super) requirements: usize,
    /// Those that are covered, in full or in part.
    pub(super) covered: usize,
    /// Those of these that are covered in part.
    pub(super) partly: usize,
}

/// A node, as far as its coverage depends on it.
struct Node {
    id: Id<FrameworkNode>,
    parent: Option<Id<FrameworkNode>>,
    kind: NodeKind,
}

/// The coverage by links: full if one of them is.
fn strongest(links: impl IntoIterator<Item = Coverage>) -> Option<Coverage> {
    links.into_iter().reduce(|one, other| if one == Coverage::Full { one } else { other })
}

impl VersionCoverage {
    /// Loads the coverage of a version; `None` if it has too many nodes or links.
    ///
    /// # Errors
    /// The error response if the store fails.
    pub(super) async fn load(
        app: &App,
        organization: OrganizationId,
        version: Id<FrameworkVersion>,
    ) -> Result<Option<Self>, Problem> {
        let store = &*app.services.store;
        let node = |stored: &Stored<FrameworkNode>| Node {
            id: stored.meta.id,
            parent: stored.record.parent_node_id,
            kind: stored.record.node_kind,
        };
        let link = |stored: &Stored<CoverageLink>| stored.record.clone();
        let Some(nodes) = of_version(store, organization, version, node).await? else { return Ok(None) };
        let Some(links) = of_version(store, organization, version, link).await? else { return Ok(None) };
        let targets = load_targets(app, organization, links.iter()).await?;
        let in_force = links.iter().filter(|link| is_in_force(link, &targets));
        Ok(Some(Self::of(&nodes, in_force.map(|link| (link.node_id, link.coverage)))))
    }

    fn of(nodes: &[Node], links: impl IntoIterator<Item = (Id<FrameworkNode>, Coverage)>) -> Self {
        let mut own: HashMap<Id<FrameworkNode>, Coverage> = HashMap::new();
        for (node, coverage) in links {
            own.extend(
                strongest(own.get(&node).copied().into_iter().chain([coverage])).map(|strongest| (node, strongest)),
            );
        }
        let parents: HashMap<_, _> = nodes.iter().filter_map(|node| Some((node.id, node.parent?))).collect();
        let mut found = Self::default();
        for node in nodes.iter().filter(|node| node.kind != NodeKind::Group) {
            let coverage = own.get(&node.id).copied();
            found.all.add(coverage);
            if coverage.is_none() {
                found.gaps.insert(node.id);
            }
            let above = std::iter::successors(parents.get(&node.id), |above| parents.get(above));
            // Should nodes be above each other, the count ends all the same.
            for above in above.take(MAX_DEPTH).take_while(|above| **above != node.id) {
                found.below.entry(*above).or_default().add(coverage);
                if coverage.is_none() {
                    found.gaps.insert(*above);
                }
            }
        }
        found
    }

    /// The coverage of what is below a node.
    pub(super) fn below(&self, node: Id<FrameworkNode>) -> Option<Totals> {
        self.below.get(&node).copied()
    }

    /// Whether the node, or one below it, is a requirement that nothing covers.
    pub(super) fn has_gap(&self, node: Id<FrameworkNode>) -> bool {
        self.gaps.contains(&node)
    }
}

impl Totals {
    const fn add(&mut self, coverage: Option<Coverage>) {
        self.requirements += 1;
        if coverage.is_some() {
            self.covered += 1;
        }
        if matches!(coverage, Some(Coverage::Partial)) {
            self.partly += 1;
        }
    }

    /// The numbers as text.
    pub(super) fn text(self) -> String {
        let Self { requirements, covered, partly } = self;
        let in_part = if partly > 0 { format!(", {partly} in part") } else { String::new() };
        format!("{covered} of {requirements} covered{in_part}")
    }

    /// The numbers as a badge.
    pub(super) fn badge(self) -> Markup {
        let is_covered = self.covered == self.requirements;
        html! {
            span class=(if is_covered && self.partly == 0 { "b good" } else if self.covered > 0 { "b warn" } else { "b" }) { (self.text()) }
        }
    }
}

/// Reads all records of a version; `None` if they are too many.
async fn of_version<R: Record, T>(
    store: &DynStore,
    organization: OrganizationId,
    version: Id<FrameworkVersion>,
    read: impl Fn(&Stored<R>) -> T,
) -> Result<Option<Vec<T>>, Problem>
where
    DynStore: Reader<R>,
{
    let filter = Filter::<R>::default().with("framework_version_id", [version]);
    let mut page = PageRequest { limit: PageLimit::clamped(u64::from(PageLimit::MAX)), ..PageRequest::default() };
    let mut all = Vec::new();
    for _ in 0..MAX_PAGES {
        let listed = Reader::<R>::list(store, organization, &filter, &page).await?;
        all.extend(listed.items.iter().map(&read));
        page.after = listed.next;
        if page.after.is_none() {
            return Ok(Some(all));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use kernel::Ulid;

    use super::*;

    fn node(id: u128, parent: u128, kind: NodeKind) -> Node {
        Node { id: Id::new(Ulid(id)), parent: (parent > 0).then(|| Id::new(Ulid(parent))), kind }
    }

    fn totals(requirements: usize, covered: usize, partly: usize) -> Totals {
        Totals { requirements, covered, partly }
    }

    #[test]
    fn a_group_has_the_coverage_of_all_requirements_below_it() {
        use NodeKind::{Enhancement, Group, Requirement};
        let nodes = [
            node(1, 0, Group),
            node(2, 1, Group),
            node(3, 2, Requirement),
            node(4, 3, Enhancement),
            node(5, 1, Requirement),
            node(6, 0, Group),
            node(7, 6, Requirement),
            node(8, 0, Group),
        ];
        let link = |id, coverage| (Id::new(Ulid(id)), coverage);
        let links = vec![
            link(3, Coverage::Full),
            link(3, Coverage::Partial),
            link(5, Coverage::Partial),
            link(7, Coverage::Full),
            link(1, Coverage::Full),
        ];
        let coverage = VersionCoverage::of(&nodes, links);
        let below = |id| coverage.below(Id::new(Ulid(id)));
        assert_eq!(coverage.all, totals(4, 3, 1));
        assert_eq!(
            [1, 2, 3, 6].map(below),
            [totals(3, 2, 1), totals(2, 1, 0), totals(1, 0, 0), totals(1, 1, 0)].map(Some)
        );
        assert_eq!((below(8), below(4)), (None, None));
        let gaps: Vec<u128> = (1..=8).filter(|id| coverage.has_gap(Id::new(Ulid(*id)))).collect();
        assert_eq!(gaps, [1, 2, 3, 4], "the requirement that nothing covers, and what is above it");
    }

    #[test]
    fn nodes_above_each_other_are_counted_once() {
        let nodes = [node(1, 2, NodeKind::Requirement), node(2, 1, NodeKind::Requirement)];
        let coverage = VersionCoverage::of(&nodes, Vec::new());
        assert_eq!(coverage.below(Id::new(Ulid(1))), Some(totals(1, 0, 0)));
    }
}
