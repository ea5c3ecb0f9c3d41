//! Components and services: the assets of a bill of materials.

use std::collections::{HashMap, hash_map::Entry};

use kernel::Kind;

use crate::{
    document::{Document, no_object, text},
    document_draft::{DocumentDraft, OnExisting},
    object::{Object, kind_of},
    position::{LineIndex, SourcePosition},
    shorten,
};

/// The depth to which components in components are read.
const MAX_DEPTH: usize = 32;

/// A component or a service.
#[derive(Clone)]
pub(super) struct Component {
    pub(super) position: SourcePosition,
    /// The key of the asset. It is the same in every file that has the component.
    pub(super) key: String,
    /// The references to the component within its file, among them those of its repetitions.
    pub(super) references: Vec<String>,
    pub(super) name: String,
    kind: Option<String>,
    description: Option<String>,
}

/// The kind of a component without a type.
const UNTYPED: &str = "component";

impl Component {
    /// Adds the asset, which has this source.
    pub(super) fn add_to(&self, source: &str, document: &mut Document) {
        let stated = [
            ("assetKey", text(&self.key)),
            ("assetKind", self.kind.as_deref().and_then(shorten::reference).and_then(text)),
            ("displayName", shorten::title(&self.name).and_then(text)),
            ("description", self.description.as_deref().and_then(shorten::description).and_then(text)),
        ];
        let initial = [("assetKind", text(UNTYPED)), ("sourceKind", text(source))];
        let draft = DocumentDraft::new(Kind::Asset, OnExisting::Complete, stated).with_initial(initial);
        document.add(self.position, draft);
    }

    /// Reads a component; `None` without a name, which is a failure.
    fn read(object: &Object<'_>, is_service: bool, position: SourcePosition, document: &mut Document) -> Option<Self> {
        let member = |name: &str| object.nonblank_text(name).map(|text| text.trim().to_owned());
        let kind = if is_service { Some("service".to_owned()) } else { member("type") };
        if kind.is_none() {
            object.repair("type", || format!("is missing; the kind is {UNTYPED}"));
        }
        let reference = member("bom-ref");
        let Some(name) = member("name") else {
            let message = format!("{} has no name, so it has no key", object.path());
            document.fail(position, reference.as_deref(), &message);
            return None;
        };
        let name = member("group").map_or_else(|| name.clone(), |group| format!("{group}/{name}"));
        let version = member("version");
        let purl = if is_service { None } else { member("purl") };
        // A `bom-ref` is unique in its file only, and many tools write another at each run. So it is no key.
        let kind_name = kind.as_deref().unwrap_or(UNTYPED);
        let key = purl.clone().unwrap_or_else(|| match &version {
            Some(version) => format!("{kind_name}:{name}@{version}"),
            None => format!("{kind_name}:{name}"),
        });
        let key = shorten::key(&key)?.to_string();
        let name = version.map_or_else(|| name.clone(), |version| format!("{name} {version}"));
        let description = member("description").map(|description| shorten::clean_description(&description));
        let references = reference.into_iter().chain(purl).collect();
        Some(Self { position, key, references, name, kind, description })
    }
}

/// Reads the components of a file. Those with one key are one.
pub(super) struct ComponentReader<'r, 't> {
    lines: &'r LineIndex<'t>,
    document: &'r mut Document,
    components: Vec<Component>,
    indexes: HashMap<String, usize>,
    /// The paths of the components by `bom-ref`.
    paths: HashMap<String, String>,
    repeated: usize,
}

impl<'r, 't> ComponentReader<'r, 't> {
    pub(super) fn new(lines: &'r LineIndex<'t>, document: &'r mut Document) -> Self {
        let (components, indexes, paths) = (Vec::new(), HashMap::new(), HashMap::new());
        Self { lines, document, components, indexes, paths, repeated: 0 }
    }

    /// Reads the component that the file is about. Those in it are added.
    pub(super) fn subject(&mut self, metadata: &Object<'_>) -> Option<Component> {
        let json = metadata.member("component")?;
        let position = self.lines.position_of(json.get());
        let object = metadata.object("component")?;
        let subject = Component::read(&object, false, position, self.document);
        self.add(&object, &["components"], MAX_DEPTH);
        subject
    }

    /// Adds the components and services of a file.
    pub(super) fn add_all(&mut self, root: &Object<'_>) {
        self.add(root, &["components", "services"], MAX_DEPTH);
    }

    pub(super) fn into_components(self) -> Vec<Component> {
        if self.repeated > 0 {
            self.document.warn(&format!("{} components repeat others of the file; each is one asset", self.repeated));
        }
        self.components
    }

    fn add(&mut self, parent: &Object<'_>, lists: &[&str], depth: usize) {
        for (list, json, path) in parent.elements_of(lists) {
            let position = self.lines.position_of(json.get());
            if depth == 0 {
                let message = format!("{path} is nested deeper than {MAX_DEPTH} levels; it and its like are left out");
                self.document.fail(position, None, &message);
                return;
            }
            let Ok(object) = parent.parse_element(json, path.clone()) else {
                self.document.fail(position, None, &no_object(&path, kind_of(json)));
                continue;
            };
            if !self.document.has_room_beside(self.components.len(), position) {
                return;
            }
            if let Some(component) = Component::read(&object, list == "services", position, self.document) {
                self.insert(component, &object);
            }
            self.add(&object, &[list], depth - 1);
        }
    }

    fn insert(&mut self, component: Component, object: &Object<'_>) {
        if let Some(reference) = object.nonblank_text("bom-ref") {
            let reference = reference.trim().to_owned();
            match self.paths.entry(reference) {
                Entry::Occupied(entry) => {
                    object.repair("bom-ref", || format!("is that of {}, to which it refers", entry.get()));
                }
                Entry::Vacant(entry) => {
                    entry.insert(object.path().to_owned());
                }
            }
        }
        match self.indexes.get(&component.key).and_then(|index| self.components.get_mut(*index)) {
            Some(present) => {
                self.repeated += 1;
                present.references.extend(component.references);
                present.description = present.description.take().or(component.description);
                present.kind = present.kind.take().or(component.kind);
            }
            None => {
                self.indexes.insert(component.key.clone(), self.components.len());
                self.components.push(component);
            }
        }
    }
}
