//! The references of vulnerabilities to components: a `bom-ref`, or a BOM-Link to a component of another file.

use std::collections::HashMap;

use percent_encoding::percent_decode_str;

use super::{bom::Bom, component::Component};
use crate::shorten;

/// The components of the files of one import, by reference.
pub(super) struct References {
    files: Vec<FileReferences>,
    /// The references of all files; of several with one reference, the first.
    all: HashMap<String, Target>,
}

#[derive(Default)]
struct FileReferences {
    serial_number: Option<String>,
    targets: HashMap<String, Target>,
}

/// The asset that a reference leads to.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Target {
    pub(super) key: String,
    /// The name for people; that of an asset of no file is not given.
    pub(super) name: Option<String>,
    /// Whether the asset is in the inventory: its key is that of a component, or a package URL.
    pub(super) is_asset: bool,
    /// The file of which the asset is the subject.
    pub(super) subject_of: Option<usize>,
}

impl References {
    pub(super) fn new<'b>(boms: impl Iterator<Item = Option<&'b Bom>>) -> Self {
        let mut references = Self { files: Vec::new(), all: HashMap::new() };
        for (file, bom) in boms.enumerate() {
            let mut targets = HashMap::new();
            let components = bom.map(|bom| bom.components.as_slice()).unwrap_or_default();
            for component in components {
                add(&mut targets, component, None);
            }
            if let Some(subject) = bom.and_then(|bom| bom.subject.as_ref()) {
                let is_component = components.iter().any(|component| component.key == subject.key);
                add(&mut targets, subject, Some(file).filter(|_| !is_component));
            }
            for (reference, target) in &targets {
                references.all.entry(reference.clone()).or_insert_with(|| target.clone());
            }
            let serial_number = bom.and_then(|bom| bom.serial_number.clone());
            references.files.push(FileReferences { serial_number, targets });
        }
        references
    }

    /// Resolves a reference of the file with this number.
    pub(super) fn resolve(&self, file: usize, reference: &str) -> Target {
        let own = self.files.get(file).and_then(|file| file.targets.get(reference));
        if let Some(target) = own {
            return target.clone();
        }
        let linked = reference.strip_prefix("urn:cdx:").and_then(|link| link.split_once('#'));
        let (serial_number, element) = match linked {
            Some((bom, element)) => (bom.split_once('/').map(|(serial, _)| serial), decoded(element)),
            None => (None, reference.to_owned()),
        };
        let linked_file = self.files.iter().find(|file| {
            let own = file.serial_number.as_deref().map(|serial| serial.trim_start_matches("urn:uuid:"));
            own.is_some() && own == serial_number
        });
        let target = linked_file.and_then(|file| file.targets.get(&element)).or_else(|| self.all.get(&element));
        target.cloned().unwrap_or_else(|| {
            // Most tools write the package URL of a component as its reference.
            let is_asset = element.starts_with("pkg:");
            let key = shorten::key(&element).map(|key| key.to_string()).unwrap_or_default();
            Target { key, name: None, is_asset, subject_of: None }
        })
    }
}

fn add(targets: &mut HashMap<String, Target>, component: &Component, subject_of: Option<usize>) {
    for reference in &component.references {
        targets.entry(reference.clone()).or_insert_with(|| Target {
            key: component.key.clone(),
            name: Some(component.name.clone()),
            is_asset: true,
            subject_of,
        });
    }
}

fn decoded(element: &str) -> String {
    percent_decode_str(element).decode_utf8_lossy().into_owned()
}
