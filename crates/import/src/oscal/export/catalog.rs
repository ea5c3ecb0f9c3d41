//! A version of a framework as a catalog.

use std::{collections::HashMap, io::Write};

use kernel::{Id, Kind, Stored};
use registers::{Framework, FrameworkNode, FrameworkVersion, NodeKind};
use serde::{Serialize, Serializer, ser::SerializeMap as _};
use serde_json::{Map, Value};

use super::{
    DocumentHead, Losses,
    citations::Citations,
    identifiers::{Identifiers, token},
    node::{self, ObjectKind},
    record_properties::record_properties,
    texts::title,
    uuid,
};
use crate::oscal::{MAX_DEPTH, members::plain_text};

/// The records that become a catalog.
#[derive(Clone, Debug)]
pub struct CatalogRecords {
    /// The framework.
    pub framework: Stored<Framework>,
    /// The version.
    pub version: Stored<FrameworkVersion>,
    /// The nodes of the version, in any order.
    pub nodes: Vec<Stored<FrameworkNode>>,
}

/// The condition that prevents a catalog.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// Nodes are nested too deep.
    #[error(
        "the node {0} is more than {MAX_DEPTH} levels deep, which no import of a catalog reads; export the version with --format jsonl"
    )]
    TooDeep(String),
    /// Nodes are below themselves.
    #[error("{0} nodes are below themselves, so no catalog can have them; import them with another parent")]
    Unreachable(usize),
    /// The file can't be written.
    #[error(transparent)]
    Unwritable(#[from] serde_json::Error),
}

/// Writes a catalog. What it loses is added to `losses`.
///
/// # Errors
/// If the nodes are no tree of at most 32 levels, or `out` can't be written.
pub fn write(
    records: &CatalogRecords,
    head: &DocumentHead<'_>,
    losses: &mut Losses,
    out: impl Write,
) -> Result<(), CatalogError> {
    let catalog = Catalog::new(&records.nodes).build(records, head, losses)?;
    serde_json::to_writer(out, &HashMap::from([("catalog", catalog)])).map_err(CatalogError::from)
}

/// An object with lists of others, in an order of its own.
struct Element {
    members: Map<String, Value>,
    lists: Vec<(&'static str, Vec<Element>)>,
}

impl Serialize for Element {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (name, value) in &self.members {
            map.serialize_entry(name, value)?;
        }
        for (name, elements) in &self.lists {
            map.serialize_entry(name, elements)?;
        }
        map.end()
    }
}

/// The tree of the nodes.
struct Catalog<'n> {
    nodes: &'n [Stored<FrameworkNode>],
    children: HashMap<Option<Id<FrameworkNode>>, Vec<usize>>,
    identifiers: Identifiers,
    /// The members of the nodes, by their indexes.
    members: HashMap<usize, Map<String, Value>>,
}

impl<'n> Catalog<'n> {
    fn new(nodes: &'n [Stored<FrameworkNode>]) -> Self {
        let mut children: HashMap<_, Vec<usize>> = HashMap::new();
        for (index, node) in nodes.iter().enumerate() {
            children.entry(node.record.parent_node_id).or_default().push(index);
        }
        for siblings in children.values_mut() {
            siblings.sort_by_key(|index| (nodes[*index].record.position, &nodes[*index].record.key));
        }
        let keys = nodes.iter().map(|node| node.record.key.to_string());
        Self { nodes, children, identifiers: Identifiers::with_keys(keys), members: HashMap::new() }
    }

    fn build(
        mut self,
        records: &CatalogRecords,
        head: &DocumentHead<'_>,
        losses: &mut Losses,
    ) -> Result<Element, CatalogError> {
        let mut kinds = Vec::new();
        self.decide(None, false, MAX_DEPTH, &mut kinds)?;
        if kinds.len() < self.nodes.len() {
            return Err(CatalogError::Unreachable(self.nodes.len() - kinds.len()));
        }
        self.describe(&kinds, losses);
        let mut members = Map::new();
        members.insert("uuid".to_owned(), uuid::of_record(&records.version).into());
        members.insert("metadata".to_owned(), metadata(records, head, losses).into());
        let kinds = kinds.into_iter().collect();
        Ok(Element { members, lists: self.lists(None, &kinds, losses) })
    }

    /// Decides what each node below one is, parents first.
    fn decide(
        &self,
        parent: Option<Id<FrameworkNode>>,
        in_control: bool,
        depth: usize,
        kinds: &mut Vec<(usize, ObjectKind)>,
    ) -> Result<(), CatalogError> {
        let siblings = self.children.get(&parent).map_or(&[][..], Vec::as_slice);
        let is_group = |index: &usize| self.nodes[*index].record.node_kind == NodeKind::Group;
        let among_controls = parent.is_some() && !siblings.iter().all(is_group);
        for index in siblings {
            let node = &self.nodes[*index];
            if depth == 0 {
                return Err(CatalogError::TooDeep(node.record.key.to_string()));
            }
            let kind = ObjectKind::of(node.record.node_kind, in_control, among_controls);
            kinds.push((*index, kind));
            self.decide(Some(node.meta.id), kind != ObjectKind::Group, depth - 1, kinds)?;
        }
        Ok(())
    }

    /// Makes the members of the nodes: first of those that others may refer to.
    fn describe(&mut self, kinds: &[(usize, ObjectKind)], losses: &mut Losses) {
        let mut citations = Citations::default();
        let mut withdrawn = Vec::new();
        for (index, kind) in kinds {
            let node = &self.nodes[*index].record;
            let id = self.identifiers.claim(&token(node.key.as_str()), node.key.as_str());
            let mut members = node::members(node, &id, *kind, losses);
            if super::citations::withdrawal(node.text.as_str()).is_some() {
                citations.add(&id, node.key.as_str(), None);
                withdrawn.push((*index, *kind));
            } else {
                node::add_text(&mut members, node, *kind, &mut citations, losses);
            }
            self.members.insert(*index, members);
        }
        for (index, kind) in withdrawn {
            let node = &self.nodes[index].record;
            let Some(members) = self.members.get_mut(&index) else { continue };
            if !node::add_withdrawal(members, node, kind, &citations) {
                node::add_text(members, node, kind, &mut citations, losses);
            }
        }
    }

    /// The groups and controls below a node, in the order of their positions as far as lists allow it.
    fn lists(
        &mut self,
        parent: Option<Id<FrameworkNode>>,
        kinds: &HashMap<usize, ObjectKind>,
        losses: &mut Losses,
    ) -> Vec<(&'static str, Vec<Element>)> {
        let mut lists: Vec<(&'static str, Vec<usize>)> = Vec::new();
        for index in self.children.remove(&parent).unwrap_or_default() {
            let name = kinds.get(&index).map_or("controls", |kind| kind.list());
            match lists.iter_mut().find(|(list, _)| *list == name) {
                Some((_, indexes)) => indexes.push(index),
                None => lists.push((name, vec![index])),
            }
        }
        let mut position = 0;
        let mut elements = Vec::new();
        for (name, indexes) in lists {
            let mut list = Vec::new();
            for index in indexes {
                let node = &self.nodes[index];
                if node.record.position != position {
                    losses.add(Kind::FrameworkNode, "position");
                }
                position += 1;
                let members = self.members.remove(&index).unwrap_or_default();
                list.push(Element { members, lists: self.lists(Some(node.meta.id), kinds, losses) });
            }
            elements.push((name, list));
        }
        elements
    }
}

fn metadata(records: &CatalogRecords, head: &DocumentHead<'_>, losses: &mut Losses) -> Map<String, Value> {
    let (framework, version) = (&records.framework.record, &records.version.record);
    let name = title::<Framework>(&framework.name, losses);
    let mut metadata = head.metadata(&name, version.key.as_str());
    let mut properties = record_properties(framework, losses);
    properties.extend(record_properties(version, losses));
    metadata.insert("props".to_owned(), properties.into());
    let description = framework.description.as_str();
    if !description.is_empty() {
        metadata.insert("remarks".to_owned(), description.into());
    }
    if plain_text(description) != description {
        losses.add(Kind::Framework, "description");
    }
    if let Some(effective_at) = version.effective_at {
        metadata.insert("published".to_owned(), effective_at.to_string().into());
    }
    metadata
}
