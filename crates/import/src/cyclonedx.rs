//! `CycloneDX` 1.2 to 1.6 in JSON: components and services become assets, vulnerabilities with their analysis (VEX)
//! become vulnerabilities of those assets. Decision record 0044 has the mapping and its reasons.
//!
//! The files of one import may refer to each other, as a VEX does to the SBOM that it is about.

mod analysis;
mod asset_source;
mod bom;
mod component;
mod product;
mod rating;
mod references;
mod vulnerability;
mod vulnerability_records;

use self::{asset_source::AssetSources, bom::Bom, references::References, vulnerability_records::VulnerabilityRecords};
use crate::{document::Document, position::Unreadable};

pub use self::asset_source::shared_source;

/// Reads the files of one import. Each has its own result. `scope` names the product that the files are about, in place of
/// the one that they name themselves.
#[must_use]
pub fn read(files: &[&[u8]], scope: Option<&str>) -> Vec<Result<Document, Unreadable>> {
    let mut boms: Vec<Result<Bom, Unreadable>> = files.iter().map(|bytes| Bom::read(bytes)).collect();
    let references = References::new(boms.iter().map(|bom| bom.as_ref().ok()));
    let sources = AssetSources::new(boms.iter().map(|bom| bom.as_ref().ok()), scope);
    let mut records = VulnerabilityRecords::new(references, scope);
    for (index, bom) in boms.iter_mut().enumerate() {
        if let Ok(bom) = bom {
            records.add_bom(index, bom);
        }
    }
    records.into_documents(boms, &sources)
}
