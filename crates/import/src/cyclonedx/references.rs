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
    product: Option<String>,
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
    /// The product into which the asset is built, as far as a file says so.
    pub(super) product: Option<String>,
}

/// The reason why a reference leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unresolved {
    /// The bill of materials is none of the files.
    Bom,
    /// The bill of materials has no such component.
    Component,
}

impl Unresolved {
    /// The message about the reference at this path.
    pub(super) fn message(self, path: &str, reference: &str) -> String {
        let (fault, remedy) = match self {
            Self::Bom => ("a bill of materials that is none of the files", "give it beside this file"),
            Self::Component => {
                ("a component that the bill of materials does not have", "give the one that this file was written for")
            }
        };
        format!("{path} links to {fault}, so its product and its component are not known: {remedy} ({reference})")
    }
}

impl References {
    pub(super) fn new<'b>(boms: impl Iterator<Item = Option<&'b Bom>>) -> Self {
        let mut references = Self { files: Vec::new(), all: HashMap::new() };
        for (file, bom) in boms.enumerate() {
            let file_references = FileReferences::new(file, bom);
            for (reference, target) in &file_references.targets {
                let shared = references.all.entry(reference.clone()).or_insert_with(|| Some(target.clone()));
                match shared {
                    Some(other) if other.key != target.key => *shared = None,
                    // Which of the products is meant is not known.
                    Some(other) if other.product != target.product => other.product = None,
                    _ => {}
                }
            }
            references.files.push(file_references);
        }
        references
    }

    /// The product that the file with this number is about.
    pub(super) fn product_of(&self, file: usize) -> Option<&str> {
        self.files.get(file)?.product.as_deref()
    }

    /// Resolves a reference of the file with this number. `has_scope` says whether the product is known without the bill of
    /// materials to which the reference links.
    pub(super) fn resolve(&self, file: usize, reference: &str, has_scope: bool) -> Result<Target, Unresolved> {
        let product = self.product_of(file).map(str::to_owned);
        let unknown = |element: &str, product| {
            let key = shorten::key(element).map(|key| key.to_string()).unwrap_or_default();
            Target { key, name: None, is_asset: is_package_url(element), subject_of: None, product }
        };
        let Some(link) = Link::parse(reference) else {
            return Ok(match self.named(file, reference) {
                Some(target) => Target { product: product.or(target.product), ..target },
                None => unknown(reference, product),
            });
        };
        // Most tools write the package URL of a component as its reference.
        let package = link.element.as_deref().filter(|element| is_package_url(element));
        match (self.bom(&link), package) {
            (Some(bom), _) => match bom.target(&link) {
                Some(target) => Ok(target.clone()),
                None => package.map(|package| unknown(package, bom.product.clone())).ok_or(Unresolved::Component),
            },
            (None, Some(package)) if has_scope => Ok(unknown(package, product)),
            (None, _) => Err(Unresolved::Bom),
        }
    }

    /// The asset of a `bom-ref`. A file without components may name those of another file, if only one has the reference.
    fn named(&self, file: usize, reference: &str) -> Option<Target> {
        let own = &self.files.get(file)?.targets;
        let other = || self.all.get(reference).filter(|_| own.is_empty() || is_package_url(reference))?.as_ref();
        own.get(reference).or_else(other).cloned()
    }

    /// The bill of materials of a BOM-Link. One with the serial number, but in another version, is meant unless there are
    /// several.
    fn bom(&self, link: &Link<'_>) -> Option<&FileReferences> {
        let with_serial_number =
            || self.files.iter().filter(|file| file.serial_number.as_deref() == Some(link.serial_number));
        let exact = with_serial_number().find(|file| file.version == link.version);
        let only = || with_serial_number().next().filter(|_| with_serial_number().nth(1).is_none());
        exact.or_else(only)
    }
}

impl FileReferences {
    fn new(file: usize, bom: Option<&Bom>) -> Self {
        let components = bom.map(|bom| bom.components.as_slice()).unwrap_or_default();
        let product = bom.and_then(|bom| bom.product.clone());
        let mut targets = HashMap::new();
        for component in components {
            add(&mut targets, component, &Target::new(component, None, product.as_ref()));
        }
        let subject = bom.and_then(|bom| bom.subject.as_ref()).map(|subject| {
            let is_component = components.iter().any(|component| component.key == subject.key);
            let target = Target::new(subject, Some(file).filter(|_| !is_component), product.as_ref());
            add(&mut targets, subject, &target);
            target
        });
        Self {
            product,
            serial_number: bom
                .and_then(|bom| bom.serial_number.as_deref())
                .map(|serial| without_scheme(serial).to_owned()),
            version: bom.map(|bom| bom.version.clone()).unwrap_or_default(),
            subject,
            targets,
        }
    }

    /// The asset that a link to the file leads to.
    fn target(&self, link: &Link<'_>) -> Option<&Target> {
        match &link.element {
            Some(element) => self.targets.get(element),
            None => self.subject.as_ref(),
        }
    }
}

impl Target {
    fn new(component: &Component, subject_of: Option<usize>, product: Option<&String>) -> Self {
        let (key, name) = (component.key.clone(), Some(component.name.clone()));
        Self { key, name, is_asset: true, subject_of, product: product.cloned() }
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
