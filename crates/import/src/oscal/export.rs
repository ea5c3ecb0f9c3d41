//! Exports as OSCAL: catalogs, plans of action, and assessment results. Decision record 0049 has the mapping and its
//! reasons.

mod assessment;
mod catalog;
mod citations;
mod document;
mod finding;
mod guide_table;
mod identifiers;
mod losses;
mod node;
mod record_properties;
mod risk;
mod statement;
mod texts;
mod uuid;

pub use self::{
    assessment::{other_findings_element, result_element},
    catalog::{CatalogError, CatalogRecords, write as write_catalog},
    document::{DocumentHead, DocumentWriter},
    finding::{FindingElements, finding_elements},
    guide_table::guide_table,
    losses::{Loss, Losses, PropertyUse},
    risk::risk_element,
};
