//! The references of vulnerabilities to components: a `bom-ref`, or a BOM-Link to a component of another file.

use std::collections::HashMap;

use percent_encoding::percent_decode_str;

use super::{bom::Bom, component::Component};
use crate::shorten;

/// The components of the files of one import, by reference.
pub(super) struct References {
    files: Vec<FileReferences>,
    /// The references of all files; `None` for one that leads to several assets.
    all: HashMap<String, Option<Target>>,
}

struct FileReferences {
    serial_number: Option<String>,
    version: String,
    subject: Option<Target>,
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
            let file_references = FileReferences::new(file, bom);
            for (reference, target) in &file_references.targets {
                let shared = references.all.entry(reference.clone()).or_insert_with(|| Some(target.clone()));
                if shared.as_ref().is_some_and(|shared| shared.key != target.key) {
                    *shared = None;
                }
            }
            references.files.push(file_references);
        }
        references
    }

    /// Resolves a reference of the file with this number.
    pub(super) fn resolve(&self, file: usize, reference: &str) -> Target {
        let found = match Link::parse(reference) {
            Some(link) => self.linked(&link),
            None => self.named(file, reference),
        };
        found.unwrap_or_else(|| {
            // Most tools write the package URL of a component as its reference.
            let package =
                Link::parse(reference).and_then(|link| link.element).filter(|element| is_package_url(element));
            let element = package.unwrap_or_else(|| reference.to_owned());
            let is_asset = is_package_url(&element);
            let key = shorten::key(&element).map(|key| key.to_string()).unwrap_or_default();
            Target { key, name: None, is_asset, subject_of: None }
        })
    }

    /// The asset of a `bom-ref`. A file without components may name those of another file, if only one has the reference.
    fn named(&self, file: usize, reference: &str) -> Option<Target> {
        let own = &self.files.get(file)?.targets;
        let other = || self.all.get(reference).filter(|_| own.is_empty() || is_package_url(reference))?.as_ref();
        own.get(reference).or_else(other).cloned()
    }

    /// The asset of a BOM-Link. Of a file with the serial number, but in another version, the components are those that
    /// are meant unless there are several.
    fn linked(&self, link: &Link<'_>) -> Option<Target> {
        let with_serial_number =
            || self.files.iter().filter(|file| file.serial_number.as_deref() == Some(link.serial_number));
        let exact = with_serial_number().find(|file| file.version == link.version);
        let only = || with_serial_number().next().filter(|_| with_serial_number().nth(1).is_none());
        let file = exact.or_else(only)?;
        match &link.element {
            Some(element) => file.targets.get(element).cloned(),
            None => file.subject.clone(),
        }
    }
}

impl FileReferences {
    fn new(file: usize, bom: Option<&Bom>) -> Self {
        let components = bom.map(|bom| bom.components.as_slice()).unwrap_or_default();
        let mut targets = HashMap::new();
        for component in components {
            add(&mut targets, component, &Target::new(component, None));
        }
        let subject = bom.and_then(|bom| bom.subject.as_ref()).map(|subject| {
            let is_component = components.iter().any(|component| component.key == subject.key);
            let target = Target::new(subject, Some(file).filter(|_| !is_component));
            add(&mut targets, subject, &target);
            target
        });
        Self {
            serial_number: bom
                .and_then(|bom| bom.serial_number.as_deref())
                .map(|serial| without_scheme(serial).to_owned()),
            version: bom.map(|bom| bom.version.clone()).unwrap_or_default(),
            subject,
            targets,
        }
    }
}

impl Target {
    fn new(component: &Component, subject_of: Option<usize>) -> Self {
        Self { key: component.key.clone(), name: Some(component.name.clone()), is_asset: true, subject_of }
    }
}

/// A BOM-Link: `urn:cdx:serial/version#reference`, or without a reference to what the file is about.
struct Link<'r> {
    serial_number: &'r str,
    version: &'r str,
    element: Option<String>,
}

impl<'r> Link<'r> {
    fn parse(reference: &'r str) -> Option<Self> {
        let link = reference.strip_prefix("urn:cdx:")?;
        let (bom, element) = link.split_once('#').map_or((link, None), |(bom, element)| (bom, Some(decoded(element))));
        let (serial_number, version) = bom.split_once('/')?;
        Some(Self { serial_number, version, element })
    }
}

fn add(targets: &mut HashMap<String, Target>, component: &Component, target: &Target) {
    for reference in &component.references {
        targets.entry(reference.clone()).or_insert_with(|| target.clone());
    }
}

fn is_package_url(reference: &str) -> bool {
    reference.starts_with("pkg:")
}

fn without_scheme(serial_number: &str) -> &str {
    serial_number.strip_prefix("urn:uuid:").unwrap_or(serial_number)
}

fn decoded(element: &str) -> String {
    percent_decode_str(element).decode_utf8_lossy().into_owned()
}
