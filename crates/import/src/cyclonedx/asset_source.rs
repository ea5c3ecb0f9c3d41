//! The sources of assets: the bills of materials of one product, or of several. An asset of one product is out of use when
//! the product no longer has it; one of several may not be.

use std::collections::{HashMap, HashSet};

use super::bom::Bom;
use crate::{document::Inventory, shorten};

/// The source of an asset that several products have, or a product without a name.
const SEVERAL: &str = "cyclonedx";

/// The source of assets that only this product has.
fn of_product(product: &str) -> String {
    let source = format!("{SEVERAL}/{product}");
    shorten::reference(&source).map_or_else(|| SEVERAL.to_owned(), |source| source.to_string())
}

/// The source that a stored asset gets because a file has it, too; `None` if it keeps its own: that of the same product, of
/// several, or another that people or other programs have stated.
#[must_use]
pub fn shared_source(stored: &str, stated: &str) -> Option<&'static str> {
    let is_of_product = stored.strip_prefix(SEVERAL).is_some_and(|rest| rest.starts_with('/'));
    let is_of_bom = stated.strip_prefix(SEVERAL).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    (is_of_product && is_of_bom && stored != stated).then_some(SEVERAL)
}

/// The sources of the assets of files.
pub(super) struct AssetSources {
    /// The source of each file.
    files: Vec<String>,
    /// The assets that files of several products have.
    shared: HashSet<String>,
}

impl AssetSources {
    pub(super) fn new<'b>(boms: impl Iterator<Item = Option<&'b Bom>>, scope: Option<&str>) -> Self {
        let mut sources = Self { files: Vec::new(), shared: HashSet::new() };
        let mut first: HashMap<String, String> = HashMap::new();
        for bom in boms {
            let product = scope.or_else(|| bom?.product.as_deref());
            let source = product.map_or_else(|| SEVERAL.to_owned(), of_product);
            for component in bom.into_iter().flat_map(|bom| bom.subject.iter().chain(&bom.components)) {
                if first.entry(component.key.clone()).or_insert_with(|| source.clone()) != &source {
                    sources.shared.insert(component.key.clone());
                }
            }
            sources.files.push(source);
        }
        sources
    }

    /// The source of an asset that the file with this number has.
    pub(super) fn of(&self, file: usize, key: &str) -> &str {
        let own = self.files.get(file).map_or(SEVERAL, String::as_str);
        if self.shared.contains(key) { SEVERAL } else { own }
    }

    /// The inventory of a product that the file with this number is; `None` if it has no components, as a VEX.
    pub(super) fn inventory(&self, file: usize, bom: &Bom) -> Option<Inventory> {
        let source = self.files.get(file).filter(|_| !bom.components.is_empty())?.clone();
        let keys = bom.subject.iter().chain(&bom.components).map(|component| component.key.clone());
        Some(Inventory { source: Some(source).filter(|source| source != SEVERAL), asset_keys: keys.collect() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asset_of_another_product_becomes_one_of_several_and_no_other_source_changes() {
        for (stored, stated, shared) in [
            ("cyclonedx/portal", "cyclonedx/kiosk", true),
            ("cyclonedx/portal", "cyclonedx", true),
            ("cyclonedx/portal", "cyclonedx/portal", false),
            ("cyclonedx", "cyclonedx/portal", false),
            ("cmdb", "cyclonedx/portal", false),
            ("cyclonedx/portal", "cmdb", false),
            ("cyclonedxes", "cyclonedx", false),
        ] {
            assert_eq!(shared_source(stored, stated).is_some(), shared, "{stored} {stated}");
        }
    }
}
