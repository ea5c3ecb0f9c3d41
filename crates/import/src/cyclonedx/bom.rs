//! One bill of materials.

use super::{
    component::{Component, ComponentReader},
    product,
    vulnerability::Vulnerability,
};
use crate::{
    document::{self, Document, elements, other_format},
    object::Object,
    position::Unreadable,
};

const FORMAT: &str = "CycloneDX";

/// The versions that are read.
const VERSIONS: &[&str] = &["1.2", "1.3", "1.4", "1.5", "1.6"];

/// The content of a file.
pub(super) struct Bom {
    /// The failures and repairs; the records follow when all files are read.
    pub(super) document: Document,
    pub(super) serial_number: Option<String>,
    pub(super) version: String,
    /// The name of the product that the file is about.
    pub(super) product: Option<String>,
    /// The component that the file is about.
    pub(super) subject: Option<Component>,
    pub(super) components: Vec<Component>,
    pub(super) vulnerabilities: Vec<Vulnerability>,
}

impl Bom {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Unreadable> {
        let (bom, document) = document::read(FORMAT, bytes, |root, lines, document| {
            check_format(root, document)?;
            let mut reader = ComponentReader::new(lines, document);
            let metadata = root.object("metadata");
            let subject = metadata.as_ref().and_then(|metadata| reader.subject(metadata));
            let product = metadata.and_then(|metadata| product::name(&metadata.object("component")?));
            reader.add_all(root);
            let components = reader.into_components();
            let mut vulnerabilities = Vec::new();
            for element in elements(root, &["vulnerabilities"], lines, document) {
                vulnerabilities.extend(Vulnerability::read(&element, document));
            }
            if components.is_empty() && vulnerabilities.is_empty() {
                document.warn("the file has no components and no vulnerabilities");
            }
            let serial_number = root.nonblank_text("serialNumber");
            let version = root.number_text("version").unwrap_or_else(|| "1".to_owned());
            Ok(Self {
                document: Document::default(),
                serial_number,
                version,
                product,
                subject,
                components,
                vulnerabilities,
            })
        })?;
        Ok(Self { document, ..bom })
    }
}

fn check_format(root: &Object<'_>, document: &mut Document) -> Result<(), Unreadable> {
    if root.has("spdxVersion") {
        return Err(other_format(FORMAT, "the file is an SPDX document, which has no importer"));
    }
    let format = root.text("bomFormat");
    let version = root.text("specVersion");
    match (format.as_deref(), version.as_deref()) {
        (Some(FORMAT), Some(version)) if VERSIONS.contains(&version) => Ok(()),
        (Some(FORMAT) | None, Some(version)) if !VERSIONS.contains(&version) => {
            Err(other_format(FORMAT, format!("the version is {version:?}; {} are read", VERSIONS.join(", "))))
        }
        (Some(FORMAT), None) => {
            document.warn("the version of CycloneDX (specVersion) is missing");
            Ok(())
        }
        (None, Some(_)) => {
            document.warn("the member bomFormat is missing; the file is read as CycloneDX");
            Ok(())
        }
        (Some(format), _) => Err(other_format(FORMAT, format!("bomFormat is {format:?}"))),
        (None, None) => Err(other_format(FORMAT, "the object has neither `bomFormat` nor `specVersion`")),
    }
}
